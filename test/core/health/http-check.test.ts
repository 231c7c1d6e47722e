import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { responseBoundsOf } from "../../../core/h1/parse-head.ts";
import type { HttpCheckDefinition } from "../../../core/health/definition.ts";
import { httpConversation } from "../../../core/health/http-check.ts";
import { CHECK_BODY_BYTES_MAX, DEFAULT_LIMITS } from "../../../core/limits.ts";
import { type CheckWorld, checkOnce, checkWorld, socketsLeft } from "./check-world.ts";

let world: CheckWorld;
beforeEach(() => {
  world = checkWorld();
});

const PLAIN: HttpCheckDefinition = {
  method: "GET",
  target: "/healthz",
  host: null,
  fields: [],
  statuses: [[200, 399]],
  body: null,
};
const RESPONSE_BOUNDS = responseBoundsOf(DEFAULT_LIMITS);

/** Against a server that answers `response` to the head of a request. */
function ask(
  definition: Partial<HttpCheckDefinition>,
  response: string,
  closes = false,
  responseBounds = RESPONSE_BOUNDS,
) {
  let request = "";
  const conversation = httpConversation({ ...PLAIN, ...definition }, "app:9001", world, { responseBounds });
  const result = checkOnce(world, conversation, {
    onPeer(peer) {
      peer.onReceive = () => {
        request = peer.text();
        if (!request.includes("\r\n\r\n")) return;
        peer.send(response);
        if (closes) peer.end();
      };
    },
    waitMs: 5,
  });
  return { request, result, text: `${result?.verdict}: ${result?.reason}` };
}

const answer = (status: number, body = ""): string =>
  `HTTP/1.1 ${status} Word\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe("the request of a check", () => {
  it("names the server, and that the connection ends with it", () => {
    assert.equal(
      ask({}, answer(200)).request,
      "GET /healthz HTTP/1.1\r\nHost: app:9001\r\nUser-Agent: millrace-check\r\nConnection: close\r\n\r\n",
    );
  });

  it("is as configured", () => {
    const fields = [
      ["user-agent", "me"],
      ["X-Check", "1"],
    ] as const;
    assert.equal(
      ask({ method: "POST", target: "/a?b", host: "example.com", fields }, answer(204)).request,
      "POST /a?b HTTP/1.1\r\nHost: example.com\r\nuser-agent: me\r\nX-Check: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
  });
});

describe("the status of a check", () => {
  const statuses: HttpCheckDefinition["statuses"] = [
    [200, 299],
    [404, 404],
  ];
  for (const [status, verdict] of [
    [199, null],
    [200, "passed"],
    [299, "passed"],
    [300, "failed"],
    [403, "failed"],
    [404, "passed"],
    [405, "failed"],
  ] as const) {
    if (verdict === null) continue;
    it(`${status} has ${verdict}`, () => assert.equal(ask({ statuses }, answer(status)).result?.verdict, verdict));
  }

  it("is named when it is wrong", () => {
    assert.equal(ask({ statuses }, answer(500)).text, "failed: status 500 is not one of 200-299, 404");
  });

  it("is the final one", () => {
    assert.equal(ask({}, `HTTP/1.1 103 Early Hints\r\n\r\n${answer(200)}`).text, "passed: status 200");
  });

  it("is enough: nobody waits for the body", () => {
    assert.equal(ask({}, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").text, "passed: status 200");
    assert.deepEqual(socketsLeft(world), []);
  });
});

describe("the head that answers a check", () => {
  const padded = (bytes: number) => `HTTP/1.1 200 OK\r\nX-Padding: ${"x".repeat(bytes)}\r\nContent-Length: 0\r\n\r\n`;

  it("may be as large as traffic may have it, and no larger", () => {
    const responseBounds = { ...RESPONSE_BOUNDS, headBytesMax: 100_000 };
    assert.equal(ask({}, padded(99_000), false, responseBounds).result?.verdict, "passed");
    assert.match(ask({}, padded(101_000), false, responseBounds).text, /^failed: .*head/);
    assert.match(ask({}, padded(99_000)).text, /^failed: .*head/);
  });
});

describe("the body of a check", () => {
  const contains = { body: { kind: "contains", text: "ok" } } as const;
  const matches = { body: { kind: "regex", source: '^\\{.*"ok":true' } } as const;

  it("contains a text or matches an expression", () => {
    assert.equal(ask(contains, answer(200, "all ok")).text, "passed: status 200 and the body expected");
    assert.equal(ask(contains, answer(200, "o k")).text, 'failed: the body does not contain "ok"');
    assert.equal(ask(matches, answer(200, '{"a":1,"ok":true}')).result?.verdict, "passed");
    assert.equal(ask(matches, answer(200, '{"ok":false}')).result?.verdict, "failed");
  });

  it("is UTF-8", () => {
    const body = { kind: "contains", text: "grün" } as const;
    assert.equal(ask({ body }, answer(200, "gr\xc3\xbcn")).result?.verdict, "passed");
  });

  it("is not looked at when the status is wrong", () => {
    assert.match(ask(contains, answer(500, "ok")).text, /^failed: status 500/);
  });

  it("may be in chunks, or end with the connection", () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
    assert.equal(ask(contains, chunked).result?.verdict, "passed");
    assert.equal(ask(contains, "HTTP/1.1 200 OK\r\n\r\nok", true).result?.verdict, "passed");
  });

  for (const [at, verdict] of [
    [CHECK_BODY_BYTES_MAX - 3, "passed"],
    [CHECK_BODY_BYTES_MAX - 2, "passed"],
    [CHECK_BODY_BYTES_MAX - 1, "failed"],
  ] as const) {
    it(`is looked at in its first ${CHECK_BODY_BYTES_MAX} bytes: at ${at} it has ${verdict}`, () => {
      const endless = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${" ".repeat(at)}ok${" ".repeat(100)}`;
      assert.equal(ask(contains, endless).result?.verdict, verdict);
      assert.deepEqual(socketsLeft(world), []);
    });
  }

  it("that does not come fails in time", () => {
    const conversation = httpConversation({ ...PLAIN, ...contains }, "a", world, { responseBounds: RESPONSE_BOUNDS });
    const half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok";
    const onPeer = (peer: { send(text: string): void }): void => peer.send(half);
    const result = checkOnce(world, conversation, { onPeer, timeoutMs: 500, waitMs: 700 });
    assert.equal(result?.reason, "no complete answer within 500 ms");
  });
});

describe("an answer that is no HTTP, or none", () => {
  it("fails as it would for traffic", () => {
    assert.match(ask({}, "220 smtp ready\r\n").text, /^failed: the status line/);
    assert.match(ask({}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").text, /^failed/);
    assert.match(ask({}, "", true).text, /^failed: the server closed before a response/);
    assert.match(
      ask({ body: { kind: "contains", text: "k" } }, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true).text,
      /^failed: the server closed in the middle/,
    );
    assert.match(ask({}, `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(1000)}\r\n`).text, /^failed: the head has more/);
    assert.deepEqual(socketsLeft(world), []);
  });
});
