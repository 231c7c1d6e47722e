import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { OK, post, SILENT, stageWith, statusesTo } from "../../scenario/stage.ts";

describe("the body of a request on its way", () => {
  it("waits for a connection, and goes out as it came", async () => {
    const bodies: string[] = [];
    const stage = await stageWith({
      script: {
        onRequest: ({ body }) => {
          bodies.push(typeof body === "string" ? body : new TextDecoder().decode(body));
          return OK;
        },
      },
    });
    const client = stage.client();
    client.send(post("hello world").slice(0, -6));
    stage.sim.drive();
    client.send(" world");
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200]);
    assert.deepEqual(bodies, ["hello world"]);
    assert.equal(stage.exchanges[0]?.requestBytes, 11);
    await stage.close();
  });

  it("is bounded, whoever it goes to", async () => {
    const chunked =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n";
    const stage = await stageWith({ limits: { requestBody: 9 }, script: SILENT });
    const client = stage.ask(chunked);
    assert.deepEqual(statusesTo(client), [413]);
    await stage.close();
  });
});
