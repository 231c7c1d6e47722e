/** A trace as it is read: by a person, or as one line of JSON by a program. Neither holds a control character. */

import { escapeInvisible, escapeText } from "./escape.ts";
import type { Trace, TraceLoad, TraceSkipped, TraceTry } from "./trace.ts";

/** One line, without its end. */
export function formatTraceJson(trace: Trace): string {
  return escapeInvisible(JSON.stringify({ ...trace, time: new Date(trace.atMs).toISOString() }));
}

/** Several lines, without the last line end. */
export function formatTrace(trace: Trace): string {
  const { requestId, kept, atMs, clientAddress, listener, method, host, path, durationMs } = trace;
  const lines = [
    `request ${escapeText(requestId)} at ${new Date(atMs).toISOString()} (${kept})`,
    `  ${escapeText(method || "-")} ${escapeText(host || "-")}${path === "" ? "" : escapeText(path)}` +
      ` from ${escapeText(clientAddress)} on ${escapeText(listener)}`,
    `  ${routeOf(trace)}`,
  ];
  for (const { hook, tookMs, outcome } of trace.hooks)
    lines.push(`  hook ${escapeText(hook)}: ${escapeText(outcome)} after ${tookMs} ms`);
  for (const [index, each] of trace.tries.entries()) lines.push(...linesOfTry(each, index + 1));
  if (trace.triesOmitted > 0) lines.push(`  ${trace.triesOmitted} more tries are not kept`);
  if (trace.skipped !== null) lines.push("  no server was asked", ...linesOfSkipped(trace.skipped));
  if (trace.load !== null) lines.push(`  at the end: ${textOf(trace.load)}`);
  lines.push(`  ${endOf(trace)} after ${durationMs} ms; ${trace.requestBytes} B in, ${trace.responseBytes} B out`);
  return lines.join("\n");
}

function routeOf({ routeId, upstream, rewrittenPath, edits }: Trace): string {
  const parts = [routeId === "" ? "no route" : `route ${escapeText(routeId)}`];
  if (upstream !== "") parts.push(`upstream ${escapeText(upstream)}`);
  if (rewrittenPath !== null) parts.push(`path rewritten to ${escapeText(rewrittenPath)}`);
  if (edits.request.length > 0) parts.push(`edits of the request: ${edits.request.map(escapeText).join(" ")}`);
  if (edits.response.length > 0) parts.push(`edits of the response: ${edits.response.map(escapeText).join(" ")}`);
  return parts.join(", ");
}

function linesOfTry(each: TraceTry, number: number): string[] {
  const { server, cause, chosenBy, skipped, next } = each;
  const lines = [
    `  try ${number} at ${each.beganAfterMs} ms: ${escapeText(server)}, ${cause}, by ${escapeText(chosenBy)}`,
    ...linesOfSkipped(skipped),
    `    ${connectionOf(each)}`,
    `    ${resultOf(each)} at ${each.endedAfterMs} ms`,
  ];
  if (next === null) return lines;
  const what = next.decision === "none" ? `no further try: ${next.why}` : NEXT[next.decision];
  lines.push(`    then ${what} (${textOf(next.load)})`);
  return lines;
}

const NEXT = {
  fresh: "the same server on a new connection",
  elsewhere: "another server at once",
  anywhere: "another try after a pause",
} as const;

function linesOfSkipped({ of, servers, isCut, seenAt }: TraceSkipped): string[] {
  const when = seenAt === "end" ? ", as seen when the try ended" : "";
  const lines = servers.map(
    ({ server, reason, detail }) => `    not ${escapeText(server)}: ${reason}, ${escapeText(detail)}${when}`,
  );
  if (isCut) lines.push(`    more of ${of} servers are not listed`);
  return lines;
}

function connectionOf({ waitedMs, connection, connectMs, tlsMs, sentAfterMs, firstByteMs }: TraceTry): string {
  const parts = waitedMs > 0 ? [`waited ${waitedMs} ms for a place`] : [];
  parts.push(connection === null ? "no connection" : `${connection} connection`);
  if (connectMs !== null) parts.push(`connect ${connectMs} ms`);
  if (tlsMs !== null) parts.push(`TLS ${tlsMs} ms`);
  if (sentAfterMs !== null) parts.push(`sent at ${sentAfterMs} ms`);
  if (firstByteMs !== null) parts.push(`first byte ${firstByteMs} ms later`);
  return parts.join(", ");
}

function resultOf({ status, fault }: TraceTry): string {
  if (fault === "") return status === 0 ? "given up for another" : `status ${status}`;
  return status === 0 ? fault : `status ${status}, then ${fault}`;
}

function textOf({ retryTokens, inFlight, inFlightMax, retries, retriesMax, queued, queuedMax }: TraceLoad): string {
  const bound = (count: number, max: number | null) => (max === null ? `${count}` : `${count} of ${max}`);
  return `retry budget ${retryTokens}, in flight ${bound(inFlight, inFlightMax)}, further tries ${bound(retries, retriesMax)}, queued ${bound(queued, queuedMax)}`;
}

function endOf({ status, fault }: Trace): string {
  const answered = status === 0 ? "no answer" : `${status}`;
  return fault === null ? answered : `${answered}, ${fault.code}: ${fault.reason}`;
}
