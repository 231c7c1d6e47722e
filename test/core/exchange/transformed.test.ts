import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HIGH_WATER_BYTES, STREAM_AHEAD_BYTES_MAX } from "../../../core/limits.ts";
import type { ByteStream, TransformRequestBody, TransformResponseBody } from "../../../core/script/hooks.ts";
import { seeResponses } from "../../../testing/reference-parser.ts";
import { ok, patternOf, responsesTo, type Stage, type StageOptions, stageWith } from "../../scenario/stage.ts";
import { turns } from "../script/streams.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const upload = (body: string, ...fields: string[]) =>
  `POST /up HTTP/1.1\r\nHost: a\r\n${fields.map((f) => `${f}\r\n`).join("")}Content-Length: ${body.length}\r\n\r\n${body}`;

function stageOf(hooks: object, options: StageOptions = {}): Promise<Stage> {
  return stageWith({ ...options, routes: [{ id: "r", upstream: "app", hooks } as never] });
}

async function settled(stage: Stage, rounds = 10): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await turns();
    await stage.sim.settle();
  }
}

/** What the server was asked, and what the client got. */
async function play(hooks: object, request: string, answer: string = ok("hello", 'ETag: "1"', "Accept-Ranges: bytes")) {
  const asked: { text: string; body: string }[] = [];
  const stage = await stageOf(hooks, {
    script: {
      onRequest: (seen, link) => {
        const body = typeof seen.body === "string" ? seen.body : new TextDecoder().decode(seen.body);
        asked.push({ text: link.peer.text(), body });
        return answer;
      },
    },
  });
  const client = stage.ask(request);
  await settled(stage);
  const text = client.text();
  const [outcome] = stage.exchanges;
  const failures = stage.notices.flatMap((notice) => (notice.kind === "hook-failed" ? [notice] : []));
  await stage.close();
  return { text, asked, outcome, failures, closed: client.closed };
}

/** A stream of the other letters. */
const upper = (body: ByteStream): ByteStream =>
  body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(new TextEncoder().encode(new TextDecoder().decode(chunk).toUpperCase()));
      },
    }),
  );
const wrapped = (body: ByteStream): ByteStream => {
  const text = (value: string) => new TextEncoder().encode(value);
  return body.pipeThrough(
    new TransformStream({
      start: (controller) => controller.enqueue(text("<")),
      flush: (controller) => controller.enqueue(text(">")),
    }),
  );
};
const responsesIn = (text: string) => seeResponses(text, [], false).messages;
const bodyOf = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);

describe("a response that hooks transform", () => {
  it("has another body, and says nothing of the old one", async () => {
    for (const transformResponseBody of [upper, async (body: ByteStream) => upper(body)]) {
      const { text, outcome } = await play({ transformResponseBody }, get);
      assert.match(text, /HELLO/);
      assert.match(text, /\r\nETag: W\/"1"\r\n/);
      assert.ok(!/accept-ranges/i.test(text));
      assert.ok(/Transfer-Encoding: chunked|Content-Length: 5/.test(text));
      assert.equal(outcome?.responseBytes, 5);
      assert.equal(outcome?.fault, "");
    }
  });

  it("may be read before its hook answers", async () => {
    const transformResponseBody: TransformResponseBody = async (body, response) => {
      const text = await new Response(body).text();
      return new Response(`${response.status} ${response.header("etag")} ${text}!`).body as ByteStream;
    };
    const { text } = await play({ transformResponseBody }, get);
    assert.match(text, /Content-Length: 14\r\n\r\n200 "1" hello!$|200 "1" hello!\r\n0\r\n\r\n$/);
  });

  it("is as it was when its hook says nothing", async () => {
    for (const transformResponseBody of [() => undefined, async () => undefined, (body: ByteStream) => body]) {
      const { text } = await play({ transformResponseBody }, get);
      assert.match(text, /ETag: "1"\r\nAccept-Ranges: bytes\r\n[\s\S]*\r\n\r\nhello$/);
      assert.match(text, /Content-Length: 5\r\n/);
    }
  });

  it("goes on as it was, however large, when its hook says nothing late, either way", async () => {
    const large = "x".repeat(5 * STREAM_AHEAD_BYTES_MAX);
    const late = async (): Promise<undefined> => void (await turns(100));
    const hooks = { transformRequestBody: late, transformResponseBody: late };
    const { asked, text } = await play(hooks, upload(large), ok(large));
    assert.equal(asked[0]?.body.length, large.length);
    assert.equal(text.length - text.indexOf("\r\n\r\n") - 4, large.length);
  });

  it("is not touched where it has no body, or a part of one", async () => {
    let calls = 0;
    const transformResponseBody = () => void calls++;
    await play({ transformResponseBody }, get.replace("GET", "HEAD"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    await play({ transformResponseBody }, get, "HTTP/1.1 204 No Content\r\n\r\n");
    await play({ transformResponseBody }, get, "HTTP/1.1 304 Not Modified\r\n\r\n");
    const part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\nhe";
    await play({ transformResponseBody }, get, part);
    assert.equal(calls, 0);
  });

  it("ends with the connection for HTTP/1.0", async () => {
    const transformResponseBody = (body: ByteStream) => wrapped(body);
    const { text, closed } = await play({ transformResponseBody }, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert.equal(bodyOf(text), "<hello>");
    assert.equal(closed, "end");
  });

  it("is answered by the fallback as long as nothing was sent", async () => {
    const throwing = () => {
      throw new Error("boom");
    };
    const breaking = (body: ByteStream) =>
      body.pipeThrough(
        new TransformStream({
          transform() {
            throw new Error("boom");
          },
        }),
      );
    const reading = async (body: ByteStream) => {
      await new Response(body).text();
      throw new Error("boom");
    };
    for (const run of [throwing, breaking, reading, () => "text"]) {
      const failed = await play({ transformResponseBody: { run, fallback: { status: 503 } } }, get);
      assert.match(failed.text, /^HTTP\/1\.1 503 /);
      assert.equal(failed.outcome?.fault, "internal.hook-failed");
      assert.equal(failed.failures.length, 1);
      const ignored = await play({ transformResponseBody: { run, fallback: "ignore" } }, get);
      assert.match(ignored.text, /^HTTP\/1\.1 200 OK[\s\S]*ETag: "1"[\s\S]*hello$/, run.toString());
      assert.equal(ignored.failures.length, 1);
    }
  });

  it("is cut when it fails later", async () => {
    let chunks = 0;
    const transformResponseBody = (body: ByteStream) =>
      body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          async transform(chunk, controller) {
            if (chunks++ > 0) throw new Error("boom");
            controller.enqueue(chunk);
            await turns(30);
          },
        }),
      );
    const stage = await stageOf({ transformResponseBody }, { script: { onRequest: () => null } });
    const client = stage.ask(get);
    const server = stage.origin.links[0]?.peer;
    server?.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    await settled(stage);
    assert.match(client.text(), /5\r\nhello\r\n$/);
    server?.send("world");
    await settled(stage);
    const [outcome] = stage.exchanges;
    const text = client.text();
    await stage.close();
    const { closed } = client;
    assert.ok(!text.endsWith("0\r\n\r\n"));
    assert.equal(outcome?.fault, "internal.hook-failed");
    assert.notEqual(closed, null);
  });

  it("has the time its hook has between two pieces, and servers have theirs", async () => {
    const hung = (body: ByteStream) => {
      void body;
      return new ReadableStream<Uint8Array>();
    };
    const stage = await stageOf(
      { transformResponseBody: { run: hung, timeout: "2s" } },
      { script: { onRequest: () => ok("x") } },
    );
    const client = stage.ask(get);
    await settled(stage);
    stage.after(2_000, () => client.text() !== "");
    assert.match(client.text(), /^HTTP\/1\.1 502 /);
    await stage.close();

    const slow = await stageOf(
      { transformResponseBody: { run: upper, timeout: "1s" } },
      { script: { onRequest: () => null } },
    );
    const waiting = slow.ask(get);
    slow.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    await settled(slow);
    for (let second = 0; second < 10; second++) {
      slow.sim.advance(1_000);
      await settled(slow, 1);
    }
    slow.origin.links[0]?.peer.send("world");
    await settled(slow);
    assert.match(waiting.text(), /HELLO[\s\S]*WORLD/);
    await slow.close();
  });

  it("is held at both ends", async () => {
    const stage = await stageOf(
      { transformResponseBody: wrapped },
      { script: { onRequest: () => ok(patternOf(3_000_000)) } },
    );
    const client = stage.client();
    client.stopReading();
    client.send(get);
    for (let i = 0; i < 20; i++) {
      await settled(stage, 2);
      stage.sim.advance(100);
    }
    const unsent = stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0;
    const heldMax = 2 * 64 * 1024 + HIGH_WATER_BYTES + STREAM_AHEAD_BYTES_MAX + 4 * 64 * 1024;
    assert.ok(3_000_000 - unsent <= heldMax, `${3_000_000 - unsent} bytes are held`);
    client.readOn();
    for (let i = 0; i < 100; i++) await settled(stage, 2);
    const [response] = responsesTo(client);
    assert.equal(response?.body.length, 3_000_002);
    await stage.close();
  });

  it("leaves nothing behind when either side leaves", async () => {
    const canceled: unknown[] = [];
    const errors: unknown[] = [];
    const transformResponseBody = (body: ByteStream) => {
      const reader = body.getReader();
      return new ReadableStream<Uint8Array>({
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (done) controller.close();
            else controller.enqueue(value);
          } catch (error) {
            errors.push(error);
            controller.error(error);
          }
        },
        cancel: (reason) => void canceled.push(reason),
      });
    };
    const stage = await stageOf({ transformResponseBody }, { script: { onRequest: () => null } });
    for (let round = 0; round < 20; round++) {
      const client = stage.ask(get);
      await settled(stage, 1);
      const peer = stage.origin.links.at(-1)?.peer;
      peer?.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
      await settled(stage, 1);
      if (round % 2 === 0) client.reset();
      else peer?.reset();
      await settled(stage, 1);
    }
    assert.equal(stage.exchanges.length, 20);
    assert.equal(errors.length, 20);
    assert.equal(canceled.length, 20);
    await stage.close();
  });

  it("may be shorter than what comes", async () => {
    const transformResponseBody = (body: ByteStream) => {
      void body.cancel("enough");
      return new Response("short").body as ByteStream;
    };
    const { text, outcome } = await play({ transformResponseBody }, get, ok(patternOf(500_000)));
    assert.match(text, /short/);
    assert.equal(outcome?.fault, "");
  });
});

describe("a request that hooks transform", () => {
  it("has another body, with its length or in chunks", async () => {
    const reading: TransformRequestBody = async (body, request) =>
      new Response(`${request.method} ${await new Response(body).text()}`).body as ByteStream;
    const fields = ["Content-MD5: x", "Digest: y"];
    const short = await play({ transformRequestBody: reading }, upload("hello", ...fields));
    assert.equal(short.asked[0]?.body, "POST hello");
    assert.ok(!/content-md5|digest/i.test(short.asked[0]?.text ?? ""));
    assert.equal(short.outcome?.requestBytes, 5);
    const streaming = await play({ transformRequestBody: wrapped }, upload("hello"));
    assert.equal(streaming.asked[0]?.body, "<hello>");
    assert.match(streaming.text, /^HTTP\/1\.1 200 OK/);
  });

  it("is as it was when its hook says nothing", async () => {
    for (const transformRequestBody of [() => undefined, async () => undefined]) {
      const { asked } = await play({ transformRequestBody }, upload("hello"));
      assert.match(asked[0]?.text ?? "", /Content-Length: 5\r\n/);
      assert.equal(asked[0]?.body, "hello");
    }
    let calls = 0;
    await play({ transformRequestBody: () => void calls++ }, get);
    assert.equal(calls, 0, "there is nothing to transform");
  });

  it("ends behind its body, though the client had sent all of it before the hook was asked", async () => {
    const chunked = "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (const request of [upload("hello"), chunked]) {
      for (const [transformRequestBody, body] of [
        [async () => undefined, "hello"],
        [wrapped, "<hello>"],
      ] as const) {
        const { asked, text } = await play({ decide: async () => undefined, transformRequestBody }, request);
        assert.deepEqual(
          asked.map((each) => each.body),
          [body],
        );
        assert.match(text, /^HTTP\/1\.1 200 OK/);
      }
    }
  });

  it("is told to go on by us when its hook reads", async () => {
    const request = upload("hello", "Expect: 100-continue");
    const stage = await stageOf({ transformRequestBody: upper }, { script: { onRequest: () => ok("x") } });
    const client = stage.ask(request.slice(0, -5));
    await settled(stage);
    assert.equal(client.text(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    await settled(stage);
    assert.match(client.text(), /200 OK/);
    await stage.close();
  });

  it("is answered by the fallback, and no server hears of it", async () => {
    const run = () => {
      throw new Error("boom");
    };
    const failed = await play({ transformRequestBody: { run, fallback: { status: 422 } } }, upload("hello"));
    assert.match(failed.text, /^HTTP\/1\.1 422 /);
    assert.deepEqual(failed.asked, []);
    const ignored = await play({ transformRequestBody: { run, fallback: "ignore" } }, upload("hello"));
    assert.equal(ignored.asked[0]?.body, "hello");
  });

  it("may be answered by its hook instead, with any status, and no server hears of it", async () => {
    const unread: TransformRequestBody = () => new Response("no images\n", { status: 415 });
    const read: TransformRequestBody = async (body) => {
      const said = await new Response(body).text();
      return said === "hello" ? new Response("not that\n", { status: 422 }) : undefined;
    };
    for (const [transformRequestBody, status, answer] of [
      [unread, 415, "no images\n"],
      [read, 422, "not that\n"],
    ] as const) {
      const { text, asked, outcome, failures } = await play({ transformRequestBody }, upload("hello") + get);
      const { body, ...first } = responsesIn(text)[0]!;
      assert.deepEqual([first.status, body, outcome?.status, outcome?.fault], [status, answer, status, ""]);
      assert.doesNotMatch(text.slice(0, text.indexOf(answer)), /Connection: close/);
      assert.deepEqual([asked.length, asked[0]?.text.startsWith("GET "), failures], [1, true, []]);
    }
  });

  it("is not answered by its hook once a part of it went to a server, or by what cannot be sent", async () => {
    const early = () => new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    let answer = () => {};
    const late = () => new Promise<Response>((resolve) => (answer = () => resolve(new Response("late"))));
    const stage = await stageWith({
      hooks: { transformRequestBody: late },
      routes: [{ upstream: "app", hooks: { transformRequestBody: early } }],
      script: { onRequest: () => null },
    });
    const client = stage.ask(upload("hello"));
    await settled(stage);
    assert.equal(stage.origin.links.length, 1);
    answer();
    await settled(stage);
    assert.match(client.text(), /^HTTP\/1\.1 502 /);
    assert.equal(stage.exchanges[0]?.fault, "internal.hook-failed");
    await stage.close();
    const sent = new Response("x");
    await sent.text();
    const { text, failures } = await play({ transformRequestBody: () => sent }, upload("hello"));
    assert.match(text, /^HTTP\/1\.1 502 /);
    assert.match(String(failures[0]?.error), /was read already/);
    const none = await play({ transformResponseBody: () => new Response("x") }, get);
    assert.match(none.text, /^HTTP\/1\.1 502 /);
    assert.match(String(none.failures[0]?.error), /answer a ReadableStream of bytes, or nothing/);
  });

  it("stands in the trace with its hooks, like the response", async () => {
    const transformResponseBody = () => new ReadableStream({ pull: () => new Promise(() => {}) });
    const stage = await stageOf(
      { transformRequestBody: upper, transformResponseBody: { run: transformResponseBody, timeout: "60s" } },
      { script: { onRequest: () => ok("hello") }, trace: { sample: "100%" } },
    );
    const client = stage.ask(upload("hello"));
    await settled(stage);
    stage.sim.advance(300);
    client.reset();
    stage.sim.drive();
    const hooks = stage.proxy.traces().flatMap((trace) => trace.hooks);
    assert.deepEqual(
      hooks.map(({ hook, outcome }) => `${hook} ${outcome}`),
      ["routes.r.transformRequestBody ok", "routes.r.transformResponseBody unanswered"],
    );
    assert.ok(hooks[1]!.tookMs >= 300, String(hooks[1]!.tookMs));
    await stage.close();
  });

  it("is held at both ends", async () => {
    const stage = await stageOf({ transformRequestBody: wrapped }, { script: { onRequest: () => ok("x") } });
    const client = stage.client();
    stage.script = { onConnect: ({ peer }) => peer.stopReading(), onRequest: () => ok("x") };
    client.send(upload(patternOf(3_000_000)));
    for (let i = 0; i < 20; i++) {
      await settled(stage, 2);
      stage.sim.advance(100);
    }
    const unsent = client.socket?.queuedBytes ?? 0;
    const heldMax = 2 * 64 * 1024 + HIGH_WATER_BYTES + STREAM_AHEAD_BYTES_MAX + 4 * 64 * 1024;
    assert.ok(3_000_000 - unsent <= heldMax, `${3_000_000 - unsent} bytes are held`);
    stage.origin.links[0]?.peer.readOn();
    for (let i = 0; i < 100; i++) await settled(stage, 2);
    assert.match(client.text(), /200 OK/);
    await stage.close();
  });
});
