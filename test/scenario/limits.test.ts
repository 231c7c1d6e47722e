import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { POOL_BURST_IDLE_MS } from "../../core/limits.ts";
import { GET, LISTEN, OK, ok, post, SILENT, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Each limit just below, at and just above its number. */

let stage: Stage;
afterEach(() => stage.close());

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);

function chunked(body: string, size: number): string {
  let text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}

describe("the limit of a request body", () => {
  for (const [bytes, status] of [
    [999, 200],
    [1000, 200],
    [1001, 413],
  ] as const) {
    it(`${bytes} bytes of 1000 with a length: ${status}`, async () => {
      stage = await stageWith({ limits: { requestBody: 1000 } });
      const client = stage.ask(post("x".repeat(bytes)));
      assert.deepEqual(statusesTo(client), [status]);
      assert.equal(stage.origin.links.length, status === 200 ? 1 : 0, "nothing of a refused body goes on");
      assert.deepEqual(codes(), [status === 200 ? "" : "client.body-too-large"]);
    });

    it(`${bytes} bytes of 1000 in chunks: ${status}`, async () => {
      stage = await stageWith({ routes: [{ limits: { requestBody: 1000 }, upstream: "app" }] });
      const client = stage.ask(chunked("x".repeat(bytes), 100));
      stage.sim.advance(3_000);
      assert.deepEqual(statusesTo(client), [status]);
      assert.equal(stage.origin.requests.length, status === 200 ? 1 : 0, "no refused body is complete upstream");
      assert.equal(client.closed, status === 200 ? null : "end");
    });
  }

  it("is none unless configured", async () => {
    stage = await stageWith();
    const client = stage.ask(post("x".repeat(3_000_000)));
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.exchanges[0]?.requestBytes, 3_000_000);
  });

  it("answers 413 readably to a client that sends on", async () => {
    stage = await stageWith({ limits: { requestBody: 1000 } });
    const client = stage.ask(post("x".repeat(2_000_000)));
    stage.sim.advance(10_000);
    assert.deepEqual(statusesTo(client), [413]);
  });
});

describe("the limits of a head", () => {
  const request = (target: string, fields: string): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const cases: [string, object, (n: number) => string, number, number][] = [
    ["target", { target: 100 }, (n) => request(`/${"x".repeat(n - 1)}`, ""), 100, 414],
    ["target by default", {}, (n) => request(`/${"x".repeat(n - 1)}`, ""), 16 * 1024, 414],
    ["requestHead", { requestHead: 1024 }, (n) => request("/", `A: ${"x".repeat(n - 32)}\r\n`), 1024, 431],
    ["requestHead by default", {}, (n) => request("/", `A: ${"x".repeat(n - 32)}\r\n`), 32 * 1024, 431],
    ["requestFields", { requestFields: 5 }, (n) => request("/", "A: b\r\n".repeat(n - 1)), 5, 431],
    ["requestFields by default", {}, (n) => request("/", "A: b\r\n".repeat(n - 1)), 100, 431],
    ["fieldName", { fieldName: 20 }, (n) => request("/", `${"N".repeat(n)}: b\r\n`), 20, 431],
    ["fieldName by default", {}, (n) => request("/", `${"N".repeat(n)}: b\r\n`), 256, 431],
  ];
  for (const [name, limits, make, limit, refusal] of cases) {
    it(`${name}: ${limit - 1}, ${limit} and ${limit + 1}`, async () => {
      stage = await stageWith({ limits });
      for (const [n, status] of [
        [limit - 1, 200],
        [limit, 200],
        [limit + 1, refusal],
      ] as const) {
        assert.deepEqual(statusesTo(stage.ask(make(n))), [status], `${n}`);
      }
    });
  }

  const head = (fields: string): string => `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${fields}\r\n`;
  const replies: [string, object, (n: number) => string, number][] = [
    ["responseHead", { responseHead: 1024 }, (n) => head(`A: ${"x".repeat(n - 43)}\r\n`), 1024],
    ["responseHead by default", {}, (n) => head(`A: ${"x".repeat(n - 43)}\r\n`), 64 * 1024],
    ["responseFields", { responseFields: 3 }, (n) => head("A: b\r\n".repeat(n - 1)), 3],
    ["responseFields by default", {}, (n) => head("A: b\r\n".repeat(n - 1)), 200],
  ];
  for (const [name, limits, make, limit] of replies) {
    it(`${name}: ${limit - 1}, ${limit} and ${limit + 1}`, async () => {
      stage = await stageWith({ limits });
      for (const [n, status] of [
        [limit - 1, 200],
        [limit, 200],
        [limit + 1, 502],
      ] as const) {
        stage.script = { onRequest: () => make(n) };
        assert.deepEqual(statusesTo(stage.ask(GET)), [status], `${n}`);
      }
    });
  }
});

describe("the limit of interim responses", () => {
  for (const [count, limits, status] of [
    [7, {}, 200],
    [8, {}, 200],
    [9, {}, 502],
    [2, { interimResponses: 2 }, 200],
    [3, { interimResponses: 2 }, 502],
  ] as const) {
    it(`${count} with ${JSON.stringify(limits)}: ${status}`, async () => {
      stage = await stageWith({
        limits,
        script: { onRequest: () => `${"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(count)}${OK}` },
      });
      assert.deepEqual(statusesTo(stage.ask(GET)), [status]);
    });
  }
});

describe("the limit of client connections", () => {
  it("sheds the one above it, and serves again when one has left", async () => {
    stage = await stageWith({ limits: { clientConnections: 3 } });
    const clients = [stage.ask(GET), stage.ask(GET), stage.ask(GET)];
    const fourth = stage.ask(GET);
    assert.ok(fourth.isGone);
    assert.equal(fourth.text(), "");
    assert.deepEqual(
      stage.notices.map(({ kind }) => kind),
      ["connection-shed"],
    );
    clients[1]?.destroy();
    stage.sim.drive();
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.equal(stage.proxy.connectionCount, 3);
  });

  it("follows the descriptor limit: 80 % of what is not reserved, two per client", async () => {
    stage = await stageWith({ descriptorsMax: 64 + 10 });
    for (let i = 0; i < 4; i++) assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.ok(stage.ask(GET).isGone);
    assert.equal(stage.proxy.connectionCount, 4);
    assert.deepEqual(stage.notices, [{ kind: "connection-shed", listener: LISTEN, limit: 4, by: "descriptors" }]);
  });
});

describe("the limit of idle upstream connections", () => {
  for (const [max, options] of [
    [64, {}],
    [2, { pool: { idle: 2 } }],
    [0, { pool: { idle: 0 } }],
  ] as const) {
    it(`keeps ${max}, and what a burst has left for a second`, async () => {
      stage = await stageWith({ ...options, script: SILENT });
      for (let i = 0; i <= max; i++) stage.ask(GET);
      assert.equal(stage.endpoint.connections.count, max + 1);
      const { links } = stage.origin;
      for (const link of links.slice(0, max)) link.peer.send(OK);
      stage.sim.drive();
      assert.equal(stage.endpoint.connections.idleCount, max);
      links[max]?.peer.send(OK);
      stage.sim.drive();
      assert.equal(stage.endpoint.connections.count, max === 0 ? 0 : max + 1);
      stage.sim.advance(POOL_BURST_IDLE_MS / 2);
      assert.equal(stage.endpoint.connections.idleCount, max === 0 ? 0 : max + 1);
      stage.sim.advance(POOL_BURST_IDLE_MS);
      assert.equal(stage.endpoint.connections.idleCount, max);
      assert.equal(stage.endpoint.connections.count, max);
    });
  }
});

describe("the limit of the wait queue", () => {
  for (const [max, options] of [
    [1_024, {}],
    [2, { pool: { queue: 2 } }],
    [0, { pool: { queue: 0 } }],
  ] as const) {
    it(`lets ${max} wait`, async () => {
      stage = await stageWith({ ...options, maxConnections: 1, script: SILENT });
      const served = stage.ask(GET);
      const waiting = Array.from({ length: max }, () => stage.ask(GET));
      const late = stage.ask(GET);
      assert.deepEqual(statusesTo(late), [503]);
      assert.deepEqual(codes(), ["upstream.queue-full"]);
      assert.ok(waiting.every((client) => client.receivedBytes === 0));
      stage.script = {};
      stage.origin.links[0]?.peer.send(OK);
      stage.sim.drive();
      assert.ok([served, ...waiting].every((client) => statusesTo(client)[0] === 200));
      assert.equal(stage.origin.links.length, 1);
    });
  }
});

describe("limits of the upstream's body", () => {
  it("has none on its length", async () => {
    stage = await stageWith({ script: { onRequest: () => ok("x".repeat(3_000_000)) } });
    const client = stage.ask(GET);
    assert.equal(stage.exchanges[0]?.responseBytes, 3_000_000);
    assert.deepEqual(statusesTo(client), [200]);
  });
});
