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

  it("works together with hooks that look at responses, at once or later", async () => {
    const upper = (body: ByteStream) =>
      body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => byte - 32)),
        }),
      );
    const later = <T>(value: T) => turns(5).then(() => value);
    const changes = { headers: { set: { "X-Seen": "1" } } };
    for (const onResponse of [() => changes, () => later(changes)]) {
      const hooks = { onResponse, transformResponseBody: upper, transformRequestBody: async () => later(undefined) };
      const stage = await stageWith({ routes: [{ upstream: "app", hooks } as never], script: { onRequest: () => OK } });
      const client = stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
      for (let i = 0; i < 10; i++) {
        await turns();
        await stage.sim.settle();
      }
      assert.match(client.text(), /X-Seen: 1\r\n/);
      assert.match(client.text(), /OK(\r\n0\r\n\r\n)?$/);
      assert.equal(stage.exchanges[0]?.fault, "");
      await stage.close();
    }
    for (const onResponse of [() => new Response("instead"), () => later(new Response("instead"))]) {
      const hooks = { onResponse, transformResponseBody: upper };
      const stage = await stageWith({ routes: [{ upstream: "app", hooks } as never], script: { onRequest: () => OK } });
      const client = stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
      for (let i = 0; i < 10; i++) {
        await turns();
        await stage.sim.settle();
      }
      assert.match(client.text(), /Content-Length: 7\r\n\r\ninstead$/);
      assert.equal(client.closed, null, "the request was read: the connection goes on");
      await stage.close();
    }
  });
});
