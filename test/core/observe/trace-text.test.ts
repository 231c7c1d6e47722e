import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as fault from "../../../core/fault.ts";
import type { Trace, TraceLoad } from "../../../core/observe/trace.ts";
import { formatTrace, formatTraceJson } from "../../../core/observe/trace-text.ts";
import { traceOf, tryOf } from "./traces.ts";

const load: TraceLoad = {
  retryTokens: 2.5,
  inFlight: 3,
  inFlightMax: null,
  retries: 1,
  retriesMax: 4,
  queued: 0,
  queuedMax: 1_024,
};

const full: Trace = traceOf("r-1", {
  kept: "failed",
  rewrittenPath: "/y",
  edits: { request: ["X-A"], response: ["X-B", "server"] },
  hooks: [{ hook: "decide of route all", tookMs: 0.2, outcome: "upstream app" }],
  tries: [
    tryOf({
      skipped: {
        of: 9,
        isCut: true,
        seenAt: "end",
        servers: [{ server: "s:2", reason: "ejected", detail: "5 failures in a row" }],
      },
      waitedMs: 5,
      connection: null,
      connectMs: 1.5,
      sentAfterMs: null,
      firstByteMs: null,
      status: 0,
      fault: "upstream.connect-refused",
      next: { decision: "elsewhere", why: "", load },
    }),
    tryOf({ cause: "elsewhere", status: 503, next: { decision: "none", why: "no attempts left", load } }),
    tryOf({ cause: "hedge", status: 0, connection: "new", connectMs: 1, tlsMs: 2 }),
  ],
  triesOmitted: 2,
  load,
  status: 503,
  fault: fault.UPSTREAM_CLOSED,
});

describe("a trace as text", () => {
  it("says where the request went and why", () => {
    assert.deepEqual(formatTrace(full).split("\n"), [
      "request r-1 at 2026-01-02T00:00:00.000Z (failed)",
      "  GET a.example/x from 192.0.2.1 on main",
      "  route all, upstream app, path rewritten to /y, edits of the request: X-A, edits of the response: X-B server",
      '  hook "decide of route all": "upstream app" after 0.2 ms',
      "  try 1 at 0 ms: s:1, first, by two-choices",
      '    not s:2: ejected, "5 failures in a row", as seen when the try ended',
      "    more of 9 servers are not listed",
      "    waited 5 ms for a place, no connection, connect 1.5 ms",
      "    upstream.connect-refused at 3 ms",
      "    then another server at once (retry budget 2.5, in flight 3, further tries 1 of 4, queued 0 of 1024)",
      "  try 2 at 0 ms: s:1, elsewhere, by two-choices",
      "    reused connection, sent at 0 ms, first byte 2 ms later",
      "    status 503 at 3 ms",
      "    then no further try: no attempts left (retry budget 2.5, in flight 3, further tries 1 of 4, queued 0 of 1024)",
      "  try 3 at 0 ms: s:1, hedge, by two-choices",
      "    new connection, connect 1 ms, TLS 2 ms, sent at 0 ms, first byte 2 ms later",
      "    given up for another at 3 ms",
      "  2 more tries are not kept",
      "  at the end: retry budget 2.5, in flight 3, further tries 1 of 4, queued 0 of 1024",
      "  503, upstream.closed: the server closed before a response after 1 ms; 0 B in, 0 B out",
    ]);
  });

  it("says what there was when nobody was asked", () => {
    const skipped = {
      of: 1,
      isCut: false,
      seenAt: "choice",
      servers: [{ server: "s:1", reason: "down", detail: "x" }],
    } as const;
    const lines = formatTrace(traceOf("r", { skipped, status: 503, fault: fault.NO_SERVER, upstream: "app" })).split(
      "\n",
    );
    assert.deepEqual(lines.slice(3, 5), ["  no server was asked", "    not s:1: down, x"]);
    const refused = formatTrace(traceOf("r", { method: "", host: "", path: "", routeId: "", upstream: "" })).split(
      "\n",
    );
    assert.deepEqual(refused.slice(1, 3), ["  - - from 192.0.2.1 on main", "  no route"]);
  });

  it("is one line of JSON with all of it", () => {
    const line = formatTraceJson(full);
    assert.ok(!line.includes("\n"));
    assert.deepEqual(JSON.parse(line), { ...JSON.parse(JSON.stringify(full)), time: "2026-01-02T00:00:00.000Z" });
  });

  it("holds no control character, whatever a client sent", () => {
    const nasty = traceOf("r", { path: "/\u001b[31m\u202e\u0085\n", host: "\u2066a", method: "G\tT" });
    for (const text of [formatTraceJson(nasty), formatTrace(nasty).replaceAll("\n  ", "")])
      assert.ok(![...text].some((char) => char < " " || "\u007f\u0085\u202e\u2066".includes(char)), text);
  });
});
