/** The trace of bytes that were no request: as much as was read before that turned out. */

import { TRACE_TEXT_MAX } from "../limits.ts";
import type { Notice } from "../observe/events.ts";
import type { Trace } from "../observe/trace.ts";

export function refusedTrace(notice: Extract<Notice, { kind: "refused" }>, atMs: number): Trace {
  const { requestId, listener, clientAddress, method, target, fault } = notice;
  return {
    requestId,
    kept: "failed",
    atMs,
    listener,
    clientAddress,
    method: method.slice(0, TRACE_TEXT_MAX),
    host: "",
    path: pathIn(target).slice(0, TRACE_TEXT_MAX),
    routeId: "",
    upstream: "",
    rewrittenPath: null,
    edits: { request: [], response: [] },
    hooks: [],
    tries: [],
    triesOmitted: 0,
    skipped: null,
    load: null,
    status: fault.status,
    fault,
    requestBytes: 0,
    responseBytes: 0,
    durationMs: 0,
  };
}

/** A target that nobody has understood may hold a query, a fragment, and a password before its host. */
function pathIn(target: string): string {
  const path = target.replace(/[?#].*$/s, "").replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  return path.startsWith("/") ? path : path.slice(path.lastIndexOf("@") + 1);
}
