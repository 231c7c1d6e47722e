import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { stageWith } from "../../scenario/stage.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";

async function play(fields: string, sent = ""): Promise<string> {
  const mount = async (request: Request) => new Response(await request.text());
  const stage = await stageWith({ routes: [{ mount } as never] });
  const client = stage.ask(`${HEAD}${fields}\r\n${sent}`);
  for (let i = 0; i < 5; i++) await stage.sim.settle();
  const text = client.text();
  await stage.close();
  return text;
}

describe("a client that waits to be told to go on", () => {
  it("is told once we read, and only if it waits", async () => {
    assert.equal(await play("Expect: 100-continue\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    assert.equal(await play(""), "");
    assert.match(await play("Expect: 100-continue\r\n", "ab"), /ab$/);
  });
});
