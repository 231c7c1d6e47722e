import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { ByteStream } from "../../../core/script/hooks.ts";
import { OK, stageWith } from "../../scenario/stage.ts";
import { turns } from "../script/streams.ts";

describe("the Web's side of an exchange", () => {
  it("takes all its ways one after the other on a connection", async () => {
    const transformResponseBody = (body: ByteStream) => body.pipeThrough(new TransformStream());
    const stage = await stageWith({
      routes: [
        { match: { path: "/hook" }, upstream: "app", hooks: { onRequest: () => new Response("from the hook") } },
        { match: { path: "/mount" }, mount: () => new Response("from the program") },
        { match: { path: "/body" }, upstream: "app", hooks: { transformResponseBody } },
        { upstream: "app" },
      ] as never,
      script: { onRequest: () => OK },
    });
    const client = stage.client();
    for (const path of ["/hook", "/mount", "/body", "/plain", "/hook"]) {
      client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      for (let i = 0; i < 5; i++) {
        await turns();
        await stage.sim.settle();
      }
    }
    assert.equal(client.text().match(/HTTP\/1\.1 200/g)?.length, 5);
    assert.equal(client.text().match(/from the hook/g)?.length, 2);
    assert.match(client.text(), /from the program/);
    assert.deepEqual(
      stage.exchanges.map(({ fault }) => fault),
      ["", "", "", "", ""],
    );
    await stage.close();
  });
});
