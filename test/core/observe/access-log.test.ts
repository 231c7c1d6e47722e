import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { CONNECT_REFUSED } from "../../../core/fault.ts";
import { LOG_FIELD_LENGTH_MAX } from "../../../core/limits.ts";
import { formatAccess, formatFailure } from "../../../core/observe/access-log.ts";
import type { FinishedExchange } from "../../../core/observe/events.ts";

const AT = Date.UTC(2026, 10, 23, 5, 0, 0);

const exchange = (over: Partial<FinishedExchange> = {}): FinishedExchange => ({
  requestId: "abc-1",
  clientAddress: "192.0.2.7",
  clientPort: 50_000,
  method: "GET",
  host: "example.com",
  target: "/a?b=c",
  protocol: "HTTP/1.1",
  status: 200,
  requestBytes: 0,
  responseBytes: 12,
  durationMs: 1.23456,
  firstByteMs: 1,
  listener: ":80",
  routeId: "site",
  upstream: "app",
  server: "127.0.0.1:9000",
  attempts: 1,
  fault: null,
  header: () => null,
  ...over,
});

describe("access log lines", () => {
  it("are JSON", () => {
    const { header: _, clientAddress, clientPort: ___, routeId, fault: __, ...rest } = exchange();
    assert.deepEqual(JSON.parse(formatAccess(exchange(), AT, "json")), {
      ...rest,
      time: "2026-11-23T05:00:00.000Z",
      client: clientAddress,
      route: routeId,
      durationMs: 1.235,
    });
    const failed = JSON.parse(formatAccess(exchange({ fault: CONNECT_REFUSED }), AT, "json"));
    assert.deepEqual(failed.fault, { side: "upstream", code: CONNECT_REFUSED.code, reason: CONNECT_REFUSED.reason });
  });

  it("are text", () => {
    assert.equal(
      formatAccess(exchange({ routeId: "" }), AT, "text"),
      "2026-11-23T05:00:00.000Z 192.0.2.7 GET example.com/a?b=c HTTP/1.1 200 in=0 out=12 1.235ms route=- upstream=app server=127.0.0.1:9000 id=abc-1",
    );
  });

  it("tell further tries as text, too", () => {
    assert.match(formatAccess(exchange({ attempts: 2 }), AT, "text"), / server=127\.0\.0\.1:9000 attempts=2 id=abc-1$/);
  });

  it("M08: stay one line without anything a terminal acts on, each field cut", () => {
    const evil = '\r\n\u001b[2J\u0000\u2028\u202e\u009b"\ud800\u007f'.repeat(1_000);
    const nasty = exchange({
      target: evil,
      host: evil,
      method: evil,
      clientAddress: evil,
      upstream: evil,
      fault: CONNECT_REFUSED,
    });
    for (const line of [formatAccess(nasty, AT, "json"), formatAccess(nasty, AT, "text"), formatFailure(nasty, AT)]) {
      assert.equal(/[^\x20-\x7e…]/.test(line), false);
      assert.ok(line.length < 7 * LOG_FIELD_LENGTH_MAX * 6);
    }
    assert.equal(JSON.parse(formatAccess(nasty, AT, "json")).host.length, LOG_FIELD_LENGTH_MAX);
  });

  it("say of a failed request whose fault it was and where", () => {
    assert.equal(
      formatFailure(exchange({ status: 502, fault: CONNECT_REFUSED, attempts: 2 }), AT),
      `2026-11-23T05:00:00.000Z error upstream.connect-refused: ${CONNECT_REFUSED.reason}; GET example.com/a?b=c -> 502 after 1ms; ` +
        "request abc-1, client 192.0.2.7, route site, upstream app, server 127.0.0.1:9000, 2 attempts",
    );
    assert.match(
      formatFailure(exchange({ status: 0, fault: CONNECT_REFUSED, durationMs: 0 }), AT),
      /-> no answer; request/,
    );
  });
});
