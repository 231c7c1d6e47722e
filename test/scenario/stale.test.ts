import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { OriginLink } from "../../testing/origin.ts";
import { drip, GET, OK, ok, patternOf, type Stage, type StageOptions, stageWith, statusesTo } from "./stage.ts";

/**
 * A pooled connection that the server closes just as it is used: once more on a fresh one, if that does no harm. Other
 * second tries (`retries.test.ts`) are off.
 */
const ALONE: StageOptions = { app: { retries: { attempts: 0 } } };

let stage: Stage;
afterEach(() => stage.close());

type Farewell = (link: OriginLink) => void;

/** The first connection serves one request and leaves as `farewell` says when the second has arrived. */
async function stale(farewell: Farewell, options: StageOptions = {}): Promise<void> {
  stage = await stageWith({ ...ALONE, ...options });
  stage.ask(GET);
  assert.equal(stage.endpoint.connections.idleCount, 1);
  stage.script = {
    onHead: (_head, link) => void (link.number === 1 && farewell(link)),
    onRequest(_request, link) {
      if (link.number > 1) return OK;
      farewell(link);
      return null;
    },
  };
}

const FAREWELLS: [string, Farewell][] = [
  ["FIN", (link) => link.peer.end()],
  ["RST", (link) => link.peer.reset()],
  ["close", (link) => link.peer.destroy()],
];

function request(method: string, body: string | null): string {
  const length = body === null ? "" : `Content-Length: ${body.length}\r\n`;
  return `${method} /again HTTP/1.1\r\nHost: a\r\n${length}\r\n${body ?? ""}`;
}

describe("a stale pooled connection", () => {
  for (const [how, farewell] of FAREWELLS) {
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      it(`${how}: ${method} is tried once more`, async () => {
        await stale(farewell);
        const client = stage.ask(request(method, method === "PUT" ? "body" : null));
        assert.match(client.text(), /^HTTP\/1.1 200/);
        assert.equal(stage.exchanges[1]?.attempts, 2);
        assert.equal(stage.origin.links.length, 2);
        assert.equal(stage.origin.requests.at(-1)?.link.number, 2);
        assert.equal(stage.origin.requests.at(-1)?.body, method === "PUT" ? "body" : "");
      });
    }

    for (const method of ["POST", "PATCH", "LOCK"]) {
      it(`${how}: ${method} is not`, async () => {
        await stale(farewell);
        const client = stage.ask(request(method, "body"));
        assert.deepEqual(statusesTo(client), [502]);
        assert.equal(stage.exchanges[1]?.attempts, 1);
        assert.equal(stage.origin.links.length, 1);
        assert.equal(stage.origin.links[0]?.raw.split("/again").length, 2, "the upstream saw it once");
      });
    }
  }

  it("is not tried a third time", async () => {
    await stale((link) => link.peer.end());
    stage.script = {
      onRequest(_request, link) {
        link.peer.end();
        return null;
      },
    };
    const client = stage.ask(GET);
    assert.deepEqual(statusesTo(client), [502]);
    assert.equal(stage.exchanges[1]?.attempts, 2);
    assert.equal(stage.origin.links.length, 2);
  });

  it("is a reason only if it was used before: a fresh one that closes is the server's word", async () => {
    stage = await stageWith({
      ...ALONE,
      script: {
        onRequest(_request, link) {
          link.peer.end();
          return null;
        },
      },
    });
    assert.deepEqual(statusesTo(stage.ask(GET)), [502]);
    assert.equal(stage.exchanges[0]?.attempts, 1);
    assert.deepEqual(
      stage.exchanges.map(({ fault }) => fault),
      ["upstream.closed"],
    );
  });

  it("is not retried once a byte of the response has come", async () => {
    await stale((link) => {
      link.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      link.peer.end();
    });
    const client = stage.ask(GET);
    assert.notEqual(client.closed, null);
    assert.deepEqual(statusesTo(client), []);
    assert.equal(stage.origin.links.length, 1);
    assert.equal(stage.exchanges[1]?.attempts, 1);
  });

  it("is not retried once an interim response has come", async () => {
    await stale((link) => {
      link.peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      link.peer.end();
    });
    assert.deepEqual(statusesTo(stage.ask(GET)), [502]);
    assert.equal(stage.origin.links.length, 1);
  });

  it("is not retried when half a head has come", async () => {
    await stale((link) => {
      link.peer.send("HTTP/1.1 200 O");
      link.peer.end();
    });
    assert.deepEqual(statusesTo(stage.ask(GET)), [502]);
    assert.equal(stage.origin.links.length, 1);
  });

  it("need not have served anybody: its client had left before it was there", async () => {
    stage = await stageWith({ ...ALONE, latencyMs: [5, 5] });
    const leaver = stage.client();
    leaver.send(GET);
    for (let ms = 0; ms < 50 && stage.endpoint.connections.count === 0; ms++) stage.sim.advance(1);
    leaver.reset();
    stage.sim.advance(100);
    assert.deepEqual([stage.endpoint.connections.idleCount, stage.origin.requests.length], [1, 0]);
    stage.script = {
      onRequest(_request, link) {
        if (link.number > 1) return OK;
        link.peer.end();
        return null;
      },
    };
    const client = stage.ask(GET);
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.exchanges.at(-1)?.attempts, 2);
  });

  it("is found before use when it closed in time", async () => {
    stage = await stageWith();
    stage.ask(GET);
    stage.origin.links[0]?.peer.end();
    stage.sim.drive();
    assert.equal(stage.endpoint.connections.count, 0);
    const client = stage.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.exchanges[1]?.attempts, 1);
  });

  it("whose place is needed: the second try waits for it, not for the queue", async () => {
    await stale((link) => link.peer.end(), { maxConnections: 1 });
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.equal(stage.origin.links.length, 2);
  });

  it("passes over other idle connections, which may be as old", async () => {
    stage = await stageWith({ script: { onRequest: () => null } });
    for (let i = 0; i < 3; i++) stage.ask(GET);
    for (const { peer } of stage.origin.links) peer.send(OK);
    stage.sim.drive();
    assert.equal(stage.endpoint.connections.idleCount, 3);
    stage.script = {
      onRequest(_request, link) {
        if (link.number > 3) return OK;
        link.peer.reset();
        return null;
      },
    };
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    assert.equal(stage.exchanges.at(-1)?.attempts, 2);
  });
});

const WITHOUT_BODY = [
  { what: "to HEAD", ask: request("HEAD", null), status: 200, head: "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n" },
  { what: "304", ask: request("OPTIONS", null), status: 304, head: "HTTP/1.1 304 Not Modified\r\n\r\n" },
];

for (const { what, ask, status, head } of WITHOUT_BODY) {
  describe(`a server that sends a body behind a response that has none, ${what}`, () => {
    const BODY = "<html>no answer</html>\n";
    const METHOD = ask.split(" ")[0]!;

    /** The body comes with what is asked next on the connection, or, if `late`, with nothing. */
    async function behind(body: string, late = false): Promise<void> {
      const stray = new Set<OriginLink>();
      stage = await stageWith({
        ...ALONE,
        script: {
          onRequest({ method }, link) {
            if (method !== METHOD) return stray.delete(link) ? body + OK : OK;
            if (!late) stray.add(link);
            return head;
          },
        },
      });
    }

    it("has it taken for no response: a GET is tried once more", async () => {
      await behind(BODY);
      const client = stage.ask(ask + GET);
      assert.deepEqual(statusesTo(client, [METHOD, "GET"]), [status, 200]);
      assert.doesNotMatch(client.text(), /no answer/);
      assert.deepEqual([stage.exchanges[1]?.attempts, stage.origin.links.length], [2, 2]);
    });

    it("has it taken for no response: a POST is not tried again", async () => {
      await behind(BODY);
      const client = stage.ask(ask + request("POST", "body"));
      assert.deepEqual(statusesTo(client, [METHOD, "POST"]), [status, 502]);
      assert.doesNotMatch(client.text(), /no answer/);
      assert.deepEqual([stage.exchanges[1]?.attempts, stage.exchanges[1]?.fault], [1, "upstream.stray-body"]);
    });

    for (const late of [false, true]) {
      it(`gets no second request on such a connection ${late ? "once one has come late" : "from then on"}`, async () => {
        await behind(late ? OK : BODY, late);
        stage.ask(ask + (late ? "" : GET));
        if (late) stage.origin.links[0]?.peer.send(OK);
        stage.sim.drive();
        const linksBefore = stage.origin.links.length;
        stage.ask(ask + request("POST", "body") + ask);
        assert.deepEqual(
          stage.exchanges.slice(-3).map((it) => [it.status, it.attempts]),
          [status, 200, status].map((each) => [each, 1]),
        );
        assert.equal(stage.endpoint.connections.idleCount, 0);
        assert.ok(stage.origin.links.length > linksBefore);
      });
    }

    it("is meant by its word when an interim response comes before what is none", async () => {
      stage = await stageWith({
        ...ALONE,
        script: {
          onRequest: ({ method }) => (method === METHOD ? head : `HTTP/1.1 103 Early Hints\r\n\r\n${BODY}`),
        },
      });
      stage.ask(ask + GET);
      assert.equal(stage.exchanges[1]?.fault, "upstream.bad-status-line");
    });
  });
}

describe("the body of a second try", () => {
  const LIMIT = 64 * 1024;
  for (const bytes of [LIMIT - 1, LIMIT]) {
    it(`of ${bytes} bytes arrives byte for byte`, async () => {
      const body = patternOf(bytes);
      await stale((link) => link.peer.end());
      assert.deepEqual(statusesTo(stage.ask(request("PUT", body))), [200]);
      assert.equal(stage.origin.requests.at(-1)?.body, body);
    });
  }

  it(`of ${LIMIT + 1} bytes is not kept: 502`, async () => {
    await stale((link) => link.peer.end());
    stage.script = {
      onRequest(_request, link) {
        link.peer.end();
        return null;
      },
    };
    const client = stage.ask(request("PUT", patternOf(LIMIT + 1)));
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(client), [502]);
    assert.equal(stage.origin.links.length, 1);
  });

  it("is kept as far as the configuration says", async () => {
    for (const [bytes, status] of [
      [10, 200],
      [11, 502],
    ] as const) {
      await stale((link) => link.peer.end(), { limits: { replay: 10 } });
      stage.script = {
        onRequest(_request, link) {
          if (link.number > 1) return OK;
          link.peer.end();
          return null;
        },
      };
      assert.deepEqual(statusesTo(stage.ask(request("PUT", patternOf(bytes)))), [status]);
      if (bytes === 10) await stage.close();
    }
  });

  it("in chunks has the same bytes", async () => {
    await stale((link) => link.peer.end());
    const body = patternOf(30_000);
    let text = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (let at = 0; at < body.length; at += 1_000) text += `3e8\r\n${body.slice(at, at + 1_000)}\r\n`;
    assert.deepEqual(statusesTo(stage.ask(`${text}0\r\n\r\n`)), [200]);
    assert.equal(stage.origin.requests.at(-1)?.body, body);
    assert.deepEqual(stage.origin.errors(), []);
  });

  it("may still be coming while the first try fails", async () => {
    stage = await stageWith();
    stage.ask(GET);
    stage.script = { onHead: (_head, link) => void (link.number === 1 && link.peer.end()), onRequest: () => OK };
    const body = patternOf(20_000);
    const client = stage.ask(request("PUT", body).slice(0, -body.length));
    drip(stage, client, body, { bytes: 1_000, everyMs: 1 });
    stage.sim.advance(1_000);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.origin.requests.at(-1)?.body, body);
    assert.equal(stage.exchanges[1]?.attempts, 2);
  });

  it("may outgrow the copy while the second connection is made: 502, not half a body", async () => {
    stage = await stageWith({ limits: { replay: 1_000 }, latencyMs: [5, 5] });
    stage.ask(GET);
    stage.sim.advance(100);
    stage.script = { onHead: (_head, link) => void (link.number === 1 && link.peer.end()), onRequest: () => OK };
    const body = patternOf(20_000);
    const client = stage.client();
    client.send(request("PUT", body).slice(0, -body.length));
    drip(stage, client, body, { bytes: 400, everyMs: 1 });
    stage.sim.advance(1_000);
    assert.deepEqual(statusesTo(client), [502]);
    assert.equal(stage.origin.requests.length, 1);
  });

  it("carries the same head", async () => {
    const heads: string[] = [];
    stage = await stageWith({
      routes: [
        {
          upstream: "app",
          rewrite: { stripPrefix: "/api" },
          request: { set: { "X-Set": "1" }, add: { "X-Add": "2" } },
        },
      ],
      script: { onRequest: () => ok("ok") },
    });
    stage.ask("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.script = {
      onRequest(seen, link) {
        heads.push(seen.raw);
        if (link.number > 1) return OK;
        link.peer.end();
        return null;
      },
    };
    stage.ask("PUT /api/x?q HTTP/1.1\r\nHost: a\r\nContent-Length: 004\r\nX-Set: 0\r\nTE: trailers\r\n\r\nbody");
    assert.equal(heads.length, 2);
    assert.equal(heads[1], heads[0]);
    assert.match(heads[1] ?? "", /^PUT \/x\?q /);
  });
});
