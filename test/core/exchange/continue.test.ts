import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../../core/config/define.ts";
import type { OriginScript } from "../../../testing/origin.ts";
import { type Stage, stageWith } from "../../scenario/stage.ts";
import { turns } from "../script/streams.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

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
    assert.equal(await play("Expect: 100-continue\r\n"), CONTINUE);
    assert.equal(await play(""), "");
    assert.match(await play("Expect: 100-continue\r\n", "ab"), /ab$/);
  });

  it("is not told so in the middle of an answer", async () => {
    const script: OriginScript = {
      onHead: (_head, { peer }) => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"),
      onRequest: () => "cd",
    };
    const late = lateReader();
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { transformRequestBody: late.read } }],
      script,
    });
    const client = stage.ask(`${HEAD}Expect: 100-continue\r\n\r\n`);
    await settled(stage);
    assert.match(client.text(), /^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nab$/, "the server has answered already");
    late.begin();
    await settled(stage);
    client.send("xy");
    await settled(stage);
    assert.match(client.text(), /\r\n\r\nabcd$/);
    assert.match(stage.origin.links[0]!.raw, /\r\n1\r\n<\r\n2\r\nxy\r\n0\r\n\r\n$/);
    await stage.close();
  });

  it("is told so behind an interim response of the server", async () => {
    const late = lateReader();
    const script: OriginScript = {
      onHead: (_head, { peer }) => peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
      onRequest: () => "HTTP/1.1 204 No Content\r\n\r\n",
    };
    const stage = await stageWith({
      routes: [{ upstream: "app", hooks: { transformRequestBody: late.read } }],
      script,
    });
    const client = stage.ask(`${HEAD}Expect: 100-continue\r\n\r\n`);
    await settled(stage);
    late.begin();
    await settled(stage);
    assert.match(client.text(), /^HTTP\/1.1 103 [\s\S]*\r\n\r\nHTTP\/1.1 100 Continue\r\n\r\n$/);
    client.send("xy");
    await settled(stage);
    assert.match(client.text(), /HTTP\/1.1 204 /);
    await stage.close();
  });

  it("is told so by one of those who read its body, not by each", async () => {
    const readsAll: object = {
      transformRequestBody: (body: ReadableStream) => body.pipeThrough(new TransformStream()),
    };
    const hooks = readsAll as Config["hooks"];
    const script: OriginScript = {
      onHead: (_head, { peer }) => peer.send(CONTINUE),
      onRequest: () => "HTTP/1.1 204 No Content\r\n\r\n",
    };
    const stage = await stageWith({ hooks, routes: [{ upstream: "app", hooks: readsAll as never }], script });
    const client = stage.ask(`${HEAD}Expect: 100-continue\r\n\r\n`);
    await settled(stage);
    client.send("x");
    await settled(stage);
    client.send("y");
    await settled(stage);
    assert.match(client.text(), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 204 /);
    await stage.close();
  });
});

/** A hook that writes before it reads. */
function lateReader() {
  let begin = (): void => {};
  const began = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const read = (body: ReadableStream<Uint8Array>) => {
    const before = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("<"));
      },
      async pull(controller) {
        await began;
        controller.close();
      },
    });
    return joined([before, body]);
  };
  return { read: read as never, begin: () => begin() };
}

function joined(streams: readonly ReadableStream<Uint8Array>[]): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  void (async () => {
    for (const [i, stream] of streams.entries())
      await stream.pipeTo(writable, { preventClose: i < streams.length - 1 });
  })();
  return readable;
}

async function settled({ sim }: Stage): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await turns();
    await sim.settle();
  }
}
