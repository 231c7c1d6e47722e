import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { drip, GET, OK, ok, post, SILENT, type Stage, type StageOptions, stageWith, statusesTo } from "./stage.ts";

/** Each deadline of the table, at its default and changed, not a moment earlier and at most two ticks later. */

let stage: Stage;
afterEach(() => stage.close());

const faults = (): string[] => stage.exchanges.map(({ fault }) => fault);

function eachOf(defaultMs: number, key: string): [string, number, StageOptions][] {
  return [
    ["the default", defaultMs, {}],
    ["a configured one", 1_700, { timeouts: { [key]: "1.7s" } }],
  ];
}

describe("the deadline of a request head", () => {
  for (const [name, ms, options] of eachOf(10_000, "requestHead")) {
    it(`closes without a word when nothing comes: ${name}`, async () => {
      stage = await stageWith(options);
      const client = stage.client();
      stage.after(ms, () => client.closed === "end");
      assert.equal(client.text(), "");
    });

    it(`answers half a head with 408: ${name}`, async () => {
      stage = await stageWith(options);
      const client = stage.ask("GET / HTTP/1.1\r\nHo");
      stage.after(ms, () => client.closed !== null);
      assert.deepEqual(statusesTo(client), [408]);
      assert.equal(stage.notices.length, 1);
    });

    it(`is absolute, however the bytes trickle: ${name}`, async () => {
      stage = await stageWith(options);
      const client = stage.client();
      drip(stage, client, `${GET.slice(0, -2)}X-A: ${"x".repeat(500)}`, { bytes: 1, everyMs: 90 });
      stage.after(ms, () => client.closed !== null);
      assert.deepEqual(statusesTo(client), [408]);
    });
  }

  it("begins with the first byte behind an earlier request", async () => {
    stage = await stageWith();
    const client = stage.ask(GET);
    stage.sim.advance(60_000);
    client.send("G");
    stage.after(10_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [200, 408]);
  });

  it("begins with the end of the response when the next head came in pieces before it", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.ask(`${GET}GET /n`);
    stage.sim.advance(30_000);
    stage.origin.links[0]?.peer.send(OK);
    stage.after(10_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [200, 408]);
  });

  it("counts no more once the head is complete", async () => {
    stage = await stageWith({ script: SILENT });
    const client = stage.client();
    drip(stage, client, GET, { bytes: 3, everyMs: 990 });
    stage.sim.advance(9_950);
    stage.sim.advance(30_000);
    assert.equal(client.closed, null);
    stage.origin.links[0]?.peer.send(OK);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("leaves a refusal readable on a connection that had a chunked response", async () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    stage = await stageWith({ script: { onRequest: () => chunked } });
    const client = stage.ask(GET);
    client.send("GET / HT");
    stage.sim.advance(10_200);
    assert.deepEqual(statusesTo(client), [200, 408]);
    const [, refusal] = client.text().split("0\r\n\r\n");
    assert.match(refusal ?? "", /\r\n\r\n408 Request Timeout\n/);
  });
});

describe("the idle deadline of a request body", () => {
  for (const [name, ms, options] of eachOf(60_000, "requestBodyIdle")) {
    it(`answers 408 and lets go of the upstream: ${name}`, async () => {
      stage = await stageWith(options);
      const client = stage.ask(`${post("x".repeat(100_000)).slice(0, 60_000)}`);
      stage.after(ms, () => client.closed !== null);
      assert.deepEqual(statusesTo(client), [408]);
      assert.deepEqual(faults(), ["client.body-timeout"]);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null);
    });

    it(`starts anew with every piece: ${name}`, async () => {
      stage = await stageWith({ ...options, limits: { minimumRate: 0 } });
      const client = stage.ask(post("0123456789").slice(0, -5));
      for (const byte of "56789") {
        stage.sim.advance(ms - 10);
        client.send(byte);
      }
      stage.sim.drive();
      assert.deepEqual(statusesTo(client), [200]);
    });
  }

  it("is no deadline for the whole body", async () => {
    stage = await stageWith({ routes: [{ upstream: "app", limits: { minimumRate: 0 } }] });
    const client = stage.ask(post("x".repeat(200)).slice(0, -200));
    drip(stage, client, "x".repeat(200), { bytes: 1, everyMs: 20_000 });
    stage.sim.advance(4_200_000);
    assert.deepEqual(statusesTo(client), [200]);
  });
});

describe("the deadline of the first byte", () => {
  for (const [name, ms, options] of eachOf(60_000, "firstByte")) {
    it(`answers 504: ${name}`, async () => {
      stage = await stageWith({ ...options, script: SILENT });
      const client = stage.ask(GET);
      stage.after(ms, () => statusesTo(client).length > 0);
      assert.deepEqual(statusesTo(client), [504]);
      assert.deepEqual(faults(), ["upstream.first-byte-timeout"]);
      assert.equal(client.closed, null, "the client may go on");
    });

    it(`counts from the end of the request: ${name}`, async () => {
      stage = await stageWith({ ...options, timeouts: { ...options.timeouts, requestBodyIdle: "2m" }, script: SILENT });
      const body = post("x".repeat(100_000));
      const client = stage.ask(body.slice(0, -1));
      stage.sim.advance(ms + 2_000);
      client.send("x");
      stage.after(ms, () => statusesTo(client).length > 0);
      assert.deepEqual(statusesTo(client), [504]);
    });

    it(`is not for a response that has begun: ${name}`, async () => {
      stage = await stageWith({ ...options, script: SILENT });
      const client = stage.ask(GET);
      stage.sim.advance(ms - 10);
      stage.origin.links[0]?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
      stage.sim.advance(2_000);
      stage.origin.links[0]?.peer.send("k");
      stage.sim.drive();
      assert.deepEqual(statusesTo(client), [200]);
    });
  }

  it("is a route's own, too, and an upstream's", async () => {
    stage = await stageWith({
      script: SILENT,
      routes: [{ match: { path: "/slow" }, timeouts: { firstByte: "5m" }, upstream: "app" }, { upstream: "app" }],
    });
    const slow = stage.ask("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const other = stage.ask(GET);
    stage.after(60_000, () => statusesTo(other).length > 0);
    stage.after(240_000 - 110, () => statusesTo(slow).length > 0);
  });
});

describe("the idle deadline of a response", () => {
  for (const [name, ms, options] of eachOf(60_000, "responseIdle")) {
    it(`cuts a body that stands still: ${name}`, async () => {
      stage = await stageWith({
        ...options,
        script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" },
      });
      const client = stage.ask(GET);
      stage.after(ms, () => client.closed !== null);
      assert.deepEqual(statusesTo(client), [], "visibly incomplete");
      assert.deepEqual(faults(), ["upstream.response-timeout"]);
    });

    it(`starts anew with every byte: ${name}`, async () => {
      stage = await stageWith({
        ...options,
        script: { onRequest: () => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" },
      });
      const client = stage.ask(GET);
      for (const byte of "body") {
        stage.sim.advance(ms - 10);
        stage.origin.links[0]?.peer.send(byte);
      }
      stage.sim.drive();
      assert.deepEqual(statusesTo(client), [200]);
    });
  }

  it("does not run while the client is still sending its body", async () => {
    stage = await stageWith({
      limits: { minimumRate: 0 },
      script: { onHead: (_head, link) => link.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo") },
    });
    stage.script = { ...stage.script, onRequest: () => "dy" };
    const client = stage.ask(post("x".repeat(400)).slice(0, -400));
    drip(stage, client, "x".repeat(400), { bytes: 50, everyMs: 30_000 });
    stage.sim.advance(300_000);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("does not run while the client does not read", async () => {
    stage = await stageWith({
      limits: { minimumRate: 0 },
      timeouts: { sendIdle: "10m" },
      script: { onRequest: () => ok("x".repeat(1_000_000)) },
    });
    const client = stage.client();
    client.stopReading();
    client.send(GET);
    stage.sim.advance(200_000);
    client.readOn();
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
  });

  it("is the tunnel's for event streams", async () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";
    stage = await stageWith({ script: { onRequest: () => `${head}data: 1\n\n` } });
    const client = stage.ask(GET);
    stage.sim.advance(3_500_000);
    stage.origin.links[0]?.peer.send("data: 2\n\n");
    stage.sim.drive();
    assert.match(client.text(), /data: 2/);
    stage.after(3_600_000, () => client.closed !== null);
  });
});

describe("the idle deadline of a client connection", () => {
  for (const [name, ms, options] of eachOf(75_000, "keepAliveIdle")) {
    it(`ends it between requests: ${name}`, async () => {
      stage = await stageWith(options);
      const client = stage.ask(GET);
      stage.after(ms, () => client.closed !== null);
      assert.equal(client.closed, "end");
      assert.deepEqual(statusesTo(client), [200]);
    });
  }

  it("does not run during a request", async () => {
    stage = await stageWith({ script: SILENT, timeouts: { firstByte: "10m" } });
    const client = stage.ask(GET);
    stage.sim.advance(200_000);
    stage.origin.links[0]?.peer.send(OK);
    stage.after(75_000, () => client.closed !== null);
    assert.deepEqual(statusesTo(client), [200]);
  });
});

describe("the deadline of a connect", () => {
  for (const [name, ms, options] of eachOf(3_000, "connect")) {
    it(`answers 504: ${name}`, async () => {
      stage = await stageWith(options);
      stage.sim.hang("127.0.0.1:9001");
      const client = stage.ask(GET);
      stage.after(ms, () => statusesTo(client).length > 0);
      assert.deepEqual(statusesTo(client), [504]);
      assert.deepEqual(faults(), ["upstream.connect-timeout"]);
      stage.sim.restore("127.0.0.1:9001");
    });
  }

  it("tells refused and unreachable servers apart in the log, all 502", async () => {
    stage = await stageWith();
    for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET"] as const) {
      stage.sim.failConnect("127.0.0.1:9001", code);
      assert.deepEqual(statusesTo(stage.ask(GET)), [502]);
    }
    stage.sim.failConnect("127.0.0.1:9001", "EMFILE");
    assert.deepEqual(statusesTo(stage.ask(GET)), [503]);
    assert.deepEqual(faults(), [
      "upstream.connect-refused",
      "upstream.unreachable",
      "upstream.unreachable",
      "upstream.connect-failed",
      "internal.local-resources",
    ]);
  });
});

describe("the idle deadline of a pooled connection", () => {
  for (const [name, ms, options] of eachOf(60_000, "poolIdle")) {
    it(`closes it: ${name}`, async () => {
      stage = await stageWith(options);
      stage.ask(GET);
      assert.equal(stage.endpoint.connections.idleCount, 1);
      stage.after(ms, () => stage.origin.links[0]?.peer.closed === "end");
      assert.equal(stage.endpoint.connections.count, 0);
    });
  }

  for (const [timeout, ms] of [
    ["timeout=5", 4_000],
    ["timeout=5, max=100", 4_000],
    ["timeout=2", 1_000],
    ["timeout=3600", 60_000],
  ] as const) {
    it(`is one second before the server's own: Keep-Alive: ${timeout}`, async () => {
      stage = await stageWith({ script: { onRequest: () => ok("ok", `Keep-Alive: ${timeout}`) } });
      stage.ask(GET);
      stage.after(ms, () => stage.origin.links[0]?.peer.closed === "end");
    });
  }

  it("is at once where the server gives a second or less", async () => {
    stage = await stageWith({ script: { onRequest: () => ok("ok", "Keep-Alive: timeout=1") } });
    stage.ask(GET);
    assert.equal(stage.origin.links[0]?.peer.closed, "end");
  });
});

describe("the deadline of the wait queue", () => {
  for (const [name, ms, options] of eachOf(5_000, "queue")) {
    it(`answers 503: ${name}`, async () => {
      stage = await stageWith({ ...options, maxConnections: 1, script: SILENT });
      stage.ask(GET);
      const second = stage.ask(GET);
      stage.after(ms, () => statusesTo(second).length > 0);
      assert.deepEqual(statusesTo(second), [503]);
      assert.match(second.text(), /\r\nRetry-After: 1\r\n/);
      assert.deepEqual(faults(), ["upstream.queue-timeout"]);
    });
  }
});

describe("the idle deadline of sending", () => {
  for (const [name, ms, options] of eachOf(60_000, "sendIdle")) {
    it(`cuts a client that takes nothing: ${name}`, async () => {
      stage = await stageWith({
        ...options,
        limits: { minimumRate: 0 },
        script: { onRequest: () => ok("x".repeat(1_000_000)) },
      });
      const client = stage.client();
      client.stopReading();
      client.send(GET);
      stage.after(ms, () => stage.exchanges.length > 0);
      assert.deepEqual(faults(), ["client.send-timeout"]);
      assert.notEqual(stage.origin.links[0]?.peer.closed, null, "the upstream is let go");
    });

    it(`answers 504 for a server that takes nothing: ${name}`, async () => {
      stage = await stageWith({ ...options, script: { onConnect: (link) => link.peer.stopReading() } });
      const client = stage.ask(post("x".repeat(1_000_000)));
      stage.after(ms, () => client.closed !== null);
      assert.deepEqual(statusesTo(client), [504]);
      assert.deepEqual(faults(), ["upstream.send-timeout"]);
    });
  }
});
