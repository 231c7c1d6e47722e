import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HIGH_WATER_BYTES, HOOK_BREAKER_FAILURES_MIN } from "../../../core/limits.ts";
import { responsesTo, type Stage, type StageOptions, stageWith } from "../../scenario/stage.ts";
import { sent, turns } from "../script/streams.ts";

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A stage whose every request is answered by `answer`. */
function stageOf(answer: () => unknown, options: StageOptions = {}): Promise<Stage> {
  return stageWith({ ...options, routes: [{ id: "r", upstream: "app", hooks: { onRequest: answer } } as never] });
}

async function ask(stage: Stage, request: string) {
  const client = stage.ask(request);
  for (let i = 0; i < 10; i++) {
    await turns();
    await stage.sim.settle();
  }
  return client;
}

async function play(answer: () => unknown, request = get()) {
  const stage = await stageOf(answer);
  const client = await ask(stage, request);
  const text = client.text();
  const [outcome] = stage.exchanges;
  const failures = stage.notices.flatMap((notice) => (notice.kind === "hook-failed" ? [String(notice.error)] : []));
  const left = stage.origin.links.length;
  await stage.close();
  assert.equal(left, 0, "no server was asked");
  return { text, outcome, failures, closed: client.closed };
}

function body(pieces: readonly unknown[]): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    async pull(controller) {
      await turns(30); // it is not all there at once
      const next = left.shift();
      if (next === undefined) controller.close();
      else if (next instanceof Error) controller.error(next);
      else controller.enqueue((typeof next === "string" ? new TextEncoder().encode(next) : next) as Uint8Array);
    },
  });
}

describe("a Response of a hook", () => {
  it("is sent with its length where that is known, and the connection goes on", async () => {
    const { text, outcome, closed } = await play(() => new Response("hello", { status: 418, headers: { "x-a": "1" } }));
    assert.match(text, /^HTTP\/1\.1 418 I'm a teapot\r\nDate: .*\r\n/);
    assert.match(text, /\r\nx-a: 1\r\n/);
    assert.match(text, /\r\nContent-Length: 5\r\n\r\nhello$/);
    assert.equal(outcome?.status, 418);
    assert.equal(outcome?.responseBytes, 5);
    assert.equal(outcome?.fault, "");
    assert.equal(closed, null);
  });

  it("that cannot be sent leaves no body to whoever makes it", async () => {
    const { stream, canceled } = sent();
    const headers = Array.from({ length: 1_000 }, (_, i): [string, string] => [`x-${i}`, ""]);
    const { outcome } = await play(() => new Response(stream, { headers }));
    assert.equal(outcome?.fault, "internal.answer-failed");
    assert.equal(canceled.length, 1);
  });

  it("is one write when it is short", async () => {
    const stage = await stageOf(async () => Response.json({ a: 1 }));
    const client = stage.client();
    let chunks = 0;
    client.onReceive = () => void chunks++;
    client.send(get());
    stage.sim.drive();
    await stage.sim.settle();
    assert.equal(chunks, 1);
    await stage.close();
  });

  it("streams in chunks, or until the connection closes for HTTP/1.0", async () => {
    const { text } = await play(() => new Response(body(["one", "two"])));
    assert.match(text, /Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/);
    const old = await play(() => new Response(body(["one", "two"])), "GET / HTTP/1.0\r\n\r\n");
    assert.match(old.text, /Connection: close\r\n\r\nonetwo$/);
    assert.equal(old.closed, "end");
  });

  it("shows its head and each event at once", async () => {
    const { stream, controller } = sent();
    const stage = await stageOf(() => new Response(stream, { headers: { "content-type": "text/event-stream" } }));
    const client = await ask(stage, get());
    assert.match(client.text(), /chunked\r\n\r\n$/);
    controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
    await stage.sim.settle();
    assert.match(client.text(), /data: 1\n\n\r\n$/);
    // Silence is in the nature of events.
    stage.sim.advance(300_000);
    assert.equal(client.closed, null);
    controller.close();
    await stage.sim.settle();
    assert.equal(stage.exchanges[0]?.fault, "");
    await stage.close();
  });

  it("has several cookies", async () => {
    const { text } = await play(() => {
      const headers = new Headers();
      headers.append("Set-Cookie", "a=1; Path=/");
      headers.append("Set-Cookie", "b=2");
      return new Response(null, { headers });
    });
    assert.match(text, /set-cookie: a=1; Path=\/\r\nset-cookie: b=2\r\n/i);
    assert.match(text, /Content-Length: 0\r\n\r\n$/);
  });

  it("has no body where there can be none", async () => {
    const { stream, canceled } = sent();
    const head = await play(
      () => new Response(stream, { headers: { "content-length": "12" } }),
      get().replace("GET", "HEAD"),
    );
    assert.match(head.text, /Content-Length: 12\r\n\r\n$/);
    assert.equal(canceled.length, 1);
    const none = await play(() => new Response(null, { status: 204 }));
    assert.ok(!/content-length|transfer-encoding/i.test(none.text));
    const same = await play(() => new Response(null, { status: 304, headers: { etag: '"a"' } }));
    assert.ok(!/content-length|transfer-encoding/i.test(same.text));
    const reset = await play(() => new Response(null, { status: 205 }));
    assert.match(reset.text, /Content-Length: 0\r\n\r\n$/);
  });

  it("closes the connection where much of a body that nobody read has not come by then", async () => {
    const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
    for (const [bytes, isClosed] of [
      [200_000, false],
      [100_000, true],
    ] as const) {
      const { text, outcome, closed } = await play(() => new Response(body(["a", "b"])), upload + "x".repeat(bytes));
      assert.equal(/Connection: close\r\n/.test(text), isClosed);
      assert.match(text, /0\r\n\r\n$/);
      assert.equal(outcome?.status, 200);
      assert.equal(closed, isClosed ? "end" : null);
    }
  });

  it("is replaced while nothing was sent, cut when it is too late", async () => {
    const said = (length: number) => ({ headers: { "content-length": String(length) } });
    for (const answer of [() => new Response("hello", said(4)), () => new Response(null, said(4))]) {
      const { text, outcome, failures } = await play(answer);
      assert.match(text, /^HTTP\/1\.1 502 /);
      assert.equal(outcome?.fault, "internal.answer-failed");
      assert.equal(failures.length, 1);
    }
    const streams = [
      () => new Response(body(["one", new Error("boom")])),
      () => new Response(body(["one", "two", 5])),
      () => new Response(body(["one", "two", "three", "four"]), said(12)),
      () => new Response(body(["one", "two", "three"]), said(12)),
    ];
    for (const answer of streams) {
      const { text, outcome, failures, closed } = await play(answer);
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.ok(!text.endsWith("0\r\n\r\n"), "it does not look whole");
      assert.ok(!text.includes("threefour"), "nothing beyond its length");
      assert.equal(outcome?.fault, "internal.answer-failed");
      assert.equal(failures.length, 1);
      assert.notEqual(closed, null);
    }
  });

  it("that has another length than it says is told so, and what to do", async () => {
    const said = (length: number) => ({ headers: { "content-length": String(length) } });
    const cases = [
      [() => new Response("hello", said(279)), "has 5 bytes"],
      [() => new Response(body(["one", "two"]), said(12)), "has 6 bytes"],
      [() => new Response(body(["one", "two"]), said(5)), "has more bytes"],
    ] as const;
    for (const [answer, what] of cases) {
      const length = answer().headers.get("content-length");
      const expected = `TypeError: the body of its Response ${what}, its Content-Length says ${length}; leave that field out`;
      assert.deepEqual((await play(answer)).failures, [expected]);
    }
  });

  it("is counted against its hook, which rests when that goes on, but not for what fails once the head has gone", async () => {
    const answers = [
      [() => new Response("hello", { headers: { "content-length": "4" } }), true],
      [() => new Response(body([new Error("boom")])), false],
    ] as const;
    for (const [answer, rests] of answers) {
      const stage = await stageOf(answer);
      for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN; i++) await ask(stage, get());
      const [hook] = stage.proxy.hookStates();
      assert.deepEqual([hook?.failures, hook?.isResting], [HOOK_BREAKER_FAILURES_MIN, rests]);
      await stage.close();
    }
  });

  it("is cut when it stands still", async () => {
    const { stream, canceled } = sent();
    const stage = await stageOf(() => new Response(stream), { timeouts: { responseIdle: "5s" } });
    const client = await ask(stage, get());
    stage.after(5_000, () => client.closed !== null);
    assert.equal(stage.exchanges[0]?.fault, "internal.answer-timeout");
    assert.equal(canceled.length, 1);
    await stage.close();
  });

  it("waits for a client that does not read, and is told when that leaves", async () => {
    let made = 0;
    const canceled: unknown[] = [];
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (made >= 1_000_000) return; // it stands still then
          made += 10_000;
          controller.enqueue(new Uint8Array(10_000).fill(120));
        },
        cancel: (reason) => void canceled.push(reason),
      },
      { highWaterMark: 0 },
    );
    let signal: AbortSignal | undefined;
    const stage = await stageWith({
      routes: [
        {
          upstream: "app",
          hooks: {
            onRequest: (request: { signal: AbortSignal }) => {
              signal = request.signal;
              return new Response(stream);
            },
          },
        } as never,
      ],
    });
    const client = stage.client();
    client.stopReading();
    client.send(get());
    await stage.sim.settle();
    stage.sim.advance(1_000);
    await stage.sim.settle();
    const held = made;
    assert.ok(held <= HIGH_WATER_BYTES + 2 * 64 * 1024 + 20_000, `${held} bytes were made`);
    client.readOn();
    await stage.sim.settle();
    assert.ok(made > held, "it goes on");
    client.reset();
    await stage.sim.settle();
    assert.equal(canceled.length, 1);
    assert.equal(signal?.aborted, true);
    assert.equal(stage.exchanges[0]?.fault, "client.reset");
    await stage.close();
  });

  it("is not read twice: the hook has failed, and its fallback answers", async () => {
    const kept = new Response("once");
    const stage = await stageOf(() => kept);
    const client = await ask(stage, get());
    client.send(get());
    await stage.sim.settle();
    assert.deepEqual(
      responsesTo(client).map(({ status }) => status),
      [200, 503],
    );
    assert.equal(stage.exchanges[1]?.fault, "internal.hook-failed");
    await stage.close();
  });
});
