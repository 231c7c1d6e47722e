/**
 * One line of text per finished request, and one per failed one: no field can break out of its line (`escape.ts`), and query
 * parameters that look like secrets are masked (`mask-target.ts`).
 */

import { escapeJson, escapeText } from "./escape.ts";
import type { FinishedExchange } from "./events.ts";
import { maskTarget } from "./mask-target.ts";

export type LogFormat = "json" | "text";

/** Without a line end. `atMs` is wall clock time. */
export function formatAccess(exchange: FinishedExchange, atMs: number, format: LogFormat): string {
  return format === "json" ? formatJson(exchange, atMs) : formatText(exchange, atMs);
}

/** What the log says of a request that failed. */
export function formatFailure(exchange: FinishedExchange, atMs: number): string {
  const { fault, status, attempts } = exchange;
  const answer = status === 0 ? "no answer" : String(status);
  const where = [`request ${escapeText(exchange.requestId)}`, `client ${escapeText(exchange.clientAddress)}`];
  if (exchange.routeId !== "") where.push(`route ${escapeText(exchange.routeId)}`);
  if (exchange.upstream !== "") where.push(`upstream ${escapeText(exchange.upstream)}`);
  if (exchange.server !== "") where.push(`server ${escapeText(exchange.server)}`);
  if (attempts > 1) where.push(`${attempts} attempts`);
  const request = `${escapeText(exchange.method)} ${escapeText(exchange.host)}${escapeText(maskTarget(exchange.target))}`;
  // 0 when nobody asked for times.
  const after = exchange.durationMs > 0 ? ` after ${Math.round(exchange.durationMs)}ms` : "";
  const what = fault === null ? "failed" : `${fault.code}: ${fault.reason}`;
  return `${timeOf(atMs)} error ${what}; ${request} -> ${answer}${after}; ${where.join(", ")}`;
}

function formatJson(exchange: FinishedExchange, atMs: number): string {
  const { fault } = exchange;
  const fields: string[] = [
    `"time":"${timeOf(atMs)}"`,
    `"requestId":${escapeJson(exchange.requestId)}`,
    `"client":${escapeJson(exchange.clientAddress)}`,
    `"listener":${escapeJson(exchange.listener)}`,
    `"method":${escapeJson(exchange.method)}`,
    `"host":${escapeJson(exchange.host)}`,
    `"target":${escapeJson(maskTarget(exchange.target))}`,
    `"protocol":${escapeJson(exchange.protocol)}`,
    `"status":${exchange.status}`,
    `"requestBytes":${exchange.requestBytes}`,
    `"responseBytes":${exchange.responseBytes}`,
    `"durationMs":${milliseconds(exchange.durationMs)}`,
    `"firstByteMs":${milliseconds(exchange.firstByteMs)}`,
    `"route":${escapeJson(exchange.routeId)}`,
    `"upstream":${escapeJson(exchange.upstream)}`,
    `"server":${escapeJson(exchange.server)}`,
    `"attempts":${exchange.attempts}`,
  ];
  if (fault !== null)
    fields.push(`"fault":{"side":"${fault.side}","code":"${fault.code}","reason":${escapeJson(fault.reason)}}`);
  return `{${fields.join(",")}}`;
}

function formatText(exchange: FinishedExchange, atMs: number): string {
  const { fault } = exchange;
  const parts = [
    timeOf(atMs),
    escapeText(exchange.clientAddress),
    escapeText(exchange.method),
    `${escapeText(exchange.host)}${escapeText(maskTarget(exchange.target))}`,
    escapeText(exchange.protocol),
    String(exchange.status),
    `in=${exchange.requestBytes}`,
    `out=${exchange.responseBytes}`,
    `${milliseconds(exchange.durationMs)}ms`,
    `route=${escapeText(exchange.routeId || "-")}`,
    `upstream=${escapeText(exchange.upstream || "-")}`,
    `server=${escapeText(exchange.server || "-")}`,
    // As rare as it tells much.
    ...(exchange.attempts > 1 ? [`attempts=${exchange.attempts}`] : []),
    `id=${escapeText(exchange.requestId)}`,
  ];
  if (fault !== null) parts.push(`fault=${fault.code}`);
  return parts.join(" ");
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

function milliseconds(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
