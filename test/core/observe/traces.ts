import type { Trace, TraceTry } from "../../../core/observe/trace.ts";

/** A trace of a request that went well, and what is different about this one. */
export function traceOf(requestId: string, changes: Partial<Trace> = {}): Trace {
  return {
    requestId,
    kept: "sampled",
    atMs: Date.UTC(2026, 0, 2),
    listener: "main",
    clientAddress: "192.0.2.1",
    method: "GET",
    host: "a.example",
    path: "/x",
    routeId: "all",
    upstream: "app",
    rewrittenPath: null,
    edits: { request: [], response: [] },
    hooks: [],
    tries: [],
    triesOmitted: 0,
    skipped: null,
    load: null,
    status: 200,
    fault: null,
    requestBytes: 0,
    responseBytes: 0,
    durationMs: 1,
    ...changes,
  };
}

export function tryOf(changes: Partial<TraceTry> = {}): TraceTry {
  return {
    server: "s:1",
    cause: "first",
    chosenBy: "two-choices",
    skipped: { of: 2, servers: [], isCut: false, seenAt: "choice" },
    beganAfterMs: 0,
    waitedMs: 0,
    connection: "reused",
    connectMs: null,
    tlsMs: null,
    sentAfterMs: 0,
    firstByteMs: 2,
    endedAfterMs: 3,
    status: 200,
    fault: "",
    next: null,
    ...changes,
  };
}
