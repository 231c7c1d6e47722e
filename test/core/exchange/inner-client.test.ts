import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HIGH_WATER_BYTES, STREAM_AHEAD_BYTES_MAX } from "../../../core/limits.ts";
import type { HookContext } from "../../../core/script/hooks.ts";
import { ok, patternOf, SILENT, type Stage, type StageOptions, stageWith } from "../../scenario/stage.ts";
import { turns } from "../script/streams.ts";

type Fetch = HookContext["fetch"];

/** A stage with an upstream `app`, and `context.fetch`. */
async function fetching(options: StageOptions = {}): Promise<{ stage: Stage; fetch: Fetch }> {
  const stage = await stageWith(options);
  return { stage, fetch: stage.engine.hooks.fetch };
}

async function settled(stage: Stage, rounds = 10): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await turns();
    await stage.sim.settle();
  }
}

/** Waits on the simulated network. */
async function got<T>(stage: Stage, promise: Promise<T>): Promise<T> {
  return await stage.sim.until(promise, 5_000);
}

describe("a request of a hook to an upstream", () => {
  it("goes there and back", async () => {
    const asked: string[] = [];
    const { stage, fetch } = await fetching({
      script: {
        onRequest: (seen, link) => {
          asked.push(link.peer.text());
          return `HTTP/1.1 203 Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\n${seen.method.length}abcd`;
        },
      },
    });
    const response = await got(stage, fetch("http://app/x%2Fy?q=1", { headers: { "X-A": "1", Connection: "close" } }));
    assert.equal(response.status, 203);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(await got(stage, response.text()), "3abcd");
    assert.match(asked[0] ?? "", /^GET \/x%2Fy\?q=1 HTTP\/1\.1\r\nhost: app\r\n/i);
    assert.match(asked[0] ?? "", /x-a: 1\r\n/i);
    assert.ok(!/connection: close/i.test(asked[0] ?? ""));
    assert.equal(stage.exchanges.length, 0, "it is no line in the log");
    assert.equal(stage.endpoint.connections.idleCount, 1, "the connection is kept");
    await stage.close();
  });

  it("leaves no connection behind that authenticates it alone", async () => {
    const challenge = "HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    const { stage, fetch } = await fetching({ script: { onRequest: () => challenge } });
    for (let i = 0; i < 3; i++) assert.equal((await got(stage, fetch("http://app/"))).status, 401);
    await settled(stage);
    assert.equal(stage.endpoint.connections.count, 0);
    await stage.close();
  });

  it("says of the client what the hook says of it, and nothing else", async () => {
    const asked: string[] = [];
    const { stage, fetch } = await fetching({
      script: {
        onRequest: (_seen, link) => {
          asked.push(link.peer.text());
          link.peer.clear();
          return ok("x");
        },
      },
    });
    await got(stage, fetch("http://app/", { headers: { "X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.8" } }));
    await got(stage, fetch("http://app/", { headers: { "X-Client-IP": "192.0.2.9" } }));
    const [said, unsaid] = asked.map((text) => text.toLowerCase());
    assert.match(said ?? "", /\r\nx-forwarded-for: 192\.0\.2\.7\r\n/);
    assert.match(said ?? "", /\r\nx-real-ip: 192\.0\.2\.8\r\n/);
    assert.equal(said?.split("x-forwarded-for").length, 2);
    assert.ok(!/x-forwarded-for|x-real-ip|unix|192\.0\.2/.test(unsaid ?? ""), unsaid);
    await stage.close();
  });

  it("carries bodies, with their length where that is known", async () => {
    const asked: { text: string }[] = [];
    const { stage, fetch } = await fetching({
      script: {
        onRequest: (_seen, link) => {
          asked.push({ text: link.peer.text() });
          link.peer.clear();
          return ok("x");
        },
      },
    });
    await got(stage, fetch("http://app/", { method: "POST", body: "hello" }));
    assert.match(asked[0]?.text ?? "", /Content-Length: 5\r\n[\s\S]*hello$/);
    const stream = new ReadableStream<Uint8Array>({
      async start(controller) {
        await turns(30);
        controller.enqueue(new TextEncoder().encode("later"));
        controller.close();
      },
    });
    await got(stage, fetch("http://app/", { method: "POST", body: stream }));
    assert.match(asked[1]?.text ?? "", /Transfer-Encoding: chunked\r\n[\s\S]*5\r\nlater\r\n0\r\n\r\n$/);
    for (const method of ["PUT", "DELETE"]) await got(stage, fetch("http://app/", { method }));
    assert.match(asked[2]?.text ?? "", /^PUT [\s\S]*\r\nContent-Length: 0\r\n/);
    assert.doesNotMatch(asked[3]?.text ?? "", /Content-Length/i);
    await stage.close();
  });

  it("is refused where it leads to no upstream", async () => {
    const { stage, fetch } = await fetching();
    const cases: [string, RegExp][] = [
      ["http://other/", /no upstream is called "other"; there are app/],
      ["https://app/", /not of the form http:\/\/UPSTREAM/],
      ["http://app:81/", /not of the form http:\/\/UPSTREAM/],
      ["/path", /./],
    ];
    for (const [url, problem] of cases) await assert.rejects(got(stage, fetch(url)), problem);
    await assert.rejects(got(stage, fetch("http://app/", { headers: { "x-a": "a".repeat(40_000) } })), TypeError);
    await stage.close();
  });

  it("is answered as clients are when the upstream fails", async () => {
    const { stage, fetch } = await fetching({ timeouts: { firstByte: "2s" }, script: SILENT });
    const promise = fetch("http://app/");
    await settled(stage);
    stage.sim.advance(2_200);
    const response = await got(stage, promise);
    assert.equal(response.status, 504);
    const text = await got(stage, response.text());
    assert.match(text, /upstream\.first-byte-timeout/);
    const [told, ...others] = stage.exchanges;
    assert.deepEqual([told?.fault, told?.status, others], ["upstream.first-byte-timeout", 504, []]);
    assert.ok(told!.durationMs >= 2_000 && text.includes(told!.requestId), "the log has the id of the answer");
    await stage.close();
  });

  it("fails by a response that is cut", async () => {
    const { stage, fetch } = await fetching({ script: SILENT });
    const promise = fetch("http://app/");
    await settled(stage);
    const peer = stage.origin.links[0]?.peer;
    peer?.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    const response = await got(stage, promise);
    const text = response.text();
    text.catch(() => {});
    await settled(stage);
    peer?.reset();
    await assert.rejects(got(stage, text), /cut off/);
    await stage.close();
  });

  it("ends when nobody wants it any more, at any point", async () => {
    const { stage, fetch } = await fetching({ script: SILENT });
    for (let round = 0; round < 30; round++) {
      const abort = new AbortController();
      const promise = fetch("http://app/", { signal: abort.signal });
      promise.catch(() => {});
      if (round % 3 === 0) {
        abort.abort(new Error("enough"));
        await assert.rejects(got(stage, promise), /enough/);
        continue;
      }
      await settled(stage, 2);
      if (round % 3 === 1) {
        abort.abort(new Error("enough"));
        await assert.rejects(got(stage, promise), /enough/);
        continue;
      }
      stage.origin.links.at(-1)?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
      const response = await got(stage, promise);
      if (round % 2 === 0) await response.body?.cancel();
      else {
        const text = response.text();
        text.catch(() => {});
        abort.abort(new Error("enough"));
        await assert.rejects(got(stage, text), /enough/);
      }
    }
    await settled(stage);
    assert.equal(stage.endpoint.inFlight, 0);
    assert.equal(stage.endpoint.connections.count, 0, "half a response keeps no connection");
    await stage.close();
  });

  it("holds the server while nobody reads, and not for ever", async () => {
    const { stage, fetch } = await fetching({
      timeouts: { sendIdle: "5s" },
      script: { onRequest: () => ok(patternOf(3_000_000)) },
    });
    const response = await got(stage, fetch("http://app/"));
    await settled(stage);
    const unsent = stage.origin.links[0]?.peer.socket?.queuedBytes ?? 0;
    const heldMax = 2 * 64 * 1024 + HIGH_WATER_BYTES + STREAM_AHEAD_BYTES_MAX + 64 * 1024;
    assert.ok(3_000_000 - unsent <= heldMax, `${3_000_000 - unsent} bytes are held`);
    stage.sim.advance(5_200);
    await assert.rejects(got(stage, response.text()), /nobody read/);
    await settled(stage);
    assert.equal(stage.endpoint.inFlight, 0);
    await stage.close();
  });

  it("takes a body no faster than the server does", async () => {
    let made = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (made >= 3_000_000) controller.close();
          else controller.enqueue(new Uint8Array(10_000).fill(120));
          made += 10_000;
        },
      },
      { highWaterMark: 0 },
    );
    const { stage, fetch } = await fetching({
      script: { onConnect: ({ peer }) => peer.stopReading(), onRequest: () => ok("x") },
    });
    const promise = fetch("http://app/", { method: "POST", body });
    await settled(stage, 40);
    assert.ok(made <= HIGH_WATER_BYTES + 4 * 64 * 1024, `${made} bytes were made`);
    stage.origin.links[0]?.peer.readOn();
    await settled(stage, 400);
    assert.equal((await got(stage, promise)).status, 200);
    await stage.close();
  });

  it("ends with the proxy, whatever the server does", async () => {
    const { stage, fetch } = await fetching({ script: SILENT });
    const answers: number[] = [];
    const response = fetch("http://app/").then(({ status }) => answers.push(status));
    const begun = { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin" };
    stage.sim.drive();
    stage.script = begun;
    const body = (await got(stage, fetch("http://app/"))).text();
    body.catch(() => {});
    await stage.proxy.stop();
    await settled(stage);
    await response;
    assert.deepEqual(answers, [503]);
    await assert.rejects(body, /cut off/);
    assert.equal(stage.engine.hooks.background.requests.size, 0);
    await stage.close();
  });

  it("does not begin behind the end of the proxy", async () => {
    const { stage, fetch } = await fetching({ script: SILENT });
    await stage.proxy.stop();
    await assert.rejects(got(stage, fetch("http://app/")), /context\.fetch: the proxy has stopped/);
    assert.equal(stage.origin.links.length, 0);
    await stage.close();
  });

  it("is given up when its body stands still", async () => {
    const { stage, fetch } = await fetching({ timeouts: { requestBodyIdle: "2s" } });
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(5)) });
    const answer = fetch("http://app/", { method: "POST", body, duplex: "half" } as RequestInit);
    await settled(stage);
    assert.equal(stage.endpoint.inFlight, 1);
    stage.sim.advance(2_200);
    await settled(stage);
    await assert.rejects(got(stage, answer), /context\.fetch: the body of the request stood still/);
    assert.equal(stage.endpoint.inFlight, 0);
    await stage.close();
  });
});
