/** How a request went, copied for `onFinish`: the request's memory may be another one's by then. */

import type { HookOutcome } from "./hooks.ts";

/** The record of a request at its end, as far as it is told. */
export interface EndedRequest extends Omit<HookOutcome, "id" | "fault" | "header"> {
  readonly requestId: string;
  readonly fault: { readonly code: string } | null;
  forEachField(use: (name: string, value: string) => void): void;
}

export function copyOutcome(ended: EndedRequest): HookOutcome {
  const fields = new Map<string, string>();
  ended.forEachField((name, value) => {
    const lowerName = name.toLowerCase();
    const before = fields.get(lowerName);
    fields.set(lowerName, before === undefined ? value : `${before}, ${value}`);
  });
  return Object.freeze({
    id: ended.requestId,
    method: ended.method,
    host: ended.host,
    path: ended.path,
    query: ended.query,
    clientAddress: ended.clientAddress,
    listener: ended.listener,
    routeId: ended.routeId,
    upstream: ended.upstream,
    server: ended.server,
    status: ended.status,
    attempts: ended.attempts,
    requestBytes: ended.requestBytes,
    responseBytes: ended.responseBytes,
    durationMs: ended.durationMs,
    firstByteMs: ended.firstByteMs,
    fault: ended.fault?.code ?? "",
    header: (name: string) => fields.get(name.toLowerCase()) ?? null,
  });
}
