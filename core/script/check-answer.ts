/**
 * What a hook answered → one of a few shapes that cannot be wrong, or a TypeError that says what is: nothing of it is
 * believed, for hooks are written in a hurry and often without types.
 */

import { QUERY } from "../bytes/ascii.ts";
import { bytesOf } from "../bytes/text.ts";
import { endOfHostName } from "../http/host.ts";
import { hasDotSegments, readPath } from "../http/path.ts";
import { hasNoContent } from "../http/status.ts";
import { checkEdits, type Edits, NO_EDITS } from "./check-edits.ts";
import { isOpaque, kindOf, numberOrKind, quoted } from "./describe-value.ts";

export type CheckedVerdict =
  | { readonly kind: "go" }
  | { readonly kind: "answer"; readonly response: Response }
  | { readonly kind: "deny"; readonly status: number; readonly body: string }
  | {
      readonly kind: "change";
      readonly path: string | null;
      readonly query: string | null;
      readonly host: string | null;
      readonly edits: Edits;
    };

export type CheckedDecision = { readonly kind: "answer"; readonly response: Response } | Destination;

/** Where a request goes; `own` is the upstream of its route. */
export type Destination =
  | { readonly kind: "own" }
  | {
      readonly kind: "upstream";
      readonly upstream: string;
      readonly server: string | null;
      readonly strict: boolean;
      readonly hashKey: string | null;
      readonly host: string | null;
      readonly edits: Edits;
    }
  | {
      readonly kind: "target";
      readonly host: string;
      readonly port: number;
      /** The `Host` to send. */
      readonly sentHost: string | null;
      readonly edits: Edits;
    };

const GO: CheckedVerdict = Object.freeze({ kind: "go" });
const OWN: Destination = Object.freeze({ kind: "own" });

const VERDICTS = "answer nothing, a Response, { deny: STATUS } or { path, query, host, headers }";
const DECISIONS = "answer the name of an upstream, { upstream, server }, { target }, a Response, or nothing";

export function checkVerdict(answer: unknown): CheckedVerdict {
  if (answer === undefined || answer === null) return GO;
  if (isResponse(answer)) return { kind: "answer", response: sendable(answer) };
  if (
    typeof answer !== "object" ||
    Array.isArray(answer) ||
    isOpaque(answer, ["deny", "path", "query", "host", "headers"])
  )
    throw new TypeError(`it answered ${kindOf(answer)}; ${VERDICTS}`);
  if ("deny" in answer) {
    const { deny, body, ...rest } = answer as { deny: unknown; body?: unknown };
    refuseOthers(rest, VERDICTS);
    return { kind: "deny", status: deniable(deny), body: body === undefined ? "" : textOf(body, "body") };
  }
  const { path, query, host, headers, ...rest } = answer as Record<string, unknown>;
  refuseOthers(rest, VERDICTS);
  return {
    kind: "change",
    path: path === undefined ? null : pathOf(path),
    query: query === undefined ? null : queryOf(query),
    host: host === undefined ? null : hostOf(host),
    edits: checkEdits(headers),
  };
}

export function checkDecision(answer: unknown): CheckedDecision {
  if (answer === undefined || answer === null) return OWN;
  if (typeof answer === "string") return destinationOf(answer);
  if (isResponse(answer)) return { kind: "answer", response: sendable(answer) };
  if (typeof answer !== "object" || Array.isArray(answer))
    throw new TypeError(`it answered ${kindOf(answer)}; ${DECISIONS}`);
  const { upstream, target } = answer as Record<string, unknown>;
  if (upstream !== undefined && target !== undefined)
    throw new TypeError(`it answered upstream and target; keep one, or ${DECISIONS}`);
  if (upstream !== undefined) return upstreamOf(answer as Record<string, unknown>);
  if (target !== undefined) return targetOf(answer as Record<string, unknown>);
  throw new TypeError(`it answered neither upstream nor target; ${DECISIONS}`);
}

/** As the name of an upstream alone says it, which is what most hooks answer. */
export function destinationOf(upstream: string): Destination {
  return { kind: "upstream", upstream, server: null, strict: false, hashKey: null, host: null, edits: NO_EDITS };
}

export type CheckedResponse =
  | { readonly kind: "answer"; readonly response: Response }
  /** `status` 0 leaves it. */
  | { readonly kind: "change"; readonly status: number; readonly edits: Edits };

const RESPONSES = "answer nothing, a Response, or { status, headers }";
const SAME: CheckedResponse = Object.freeze({ kind: "change", status: 0, edits: NO_EDITS });

/** `status` is the response's own. */
export function checkResponse(answer: unknown, status: number): CheckedResponse {
  if (answer === undefined || answer === null) return SAME;
  if (isResponse(answer)) return { kind: "answer", response: sendable(answer) };
  if (typeof answer !== "object" || Array.isArray(answer) || isOpaque(answer, ["status", "headers"]))
    throw new TypeError(`it answered ${kindOf(answer)}; ${RESPONSES}`);
  const { status: changed, headers, ...rest } = answer as Record<string, unknown>;
  refuseOthers(rest, RESPONSES);
  const next = changed === undefined ? 0 : statusOf(changed);
  if (next !== 0 && next !== status && (hasNoContent(next) || hasNoContent(status)))
    throw new TypeError(`status ${status} cannot become ${next}: one of them has no body; answer a Response instead`);
  return { kind: "change", status: next, edits: checkEdits(headers) };
}

export interface CheckedAttempt {
  /** Label of the server to ask; null: the one that was picked. */
  readonly server: string | null;
  readonly edits: Edits;
}

export const UNCHANGED: CheckedAttempt = Object.freeze({ server: null, edits: NO_EDITS });
const ATTEMPTS = "answer nothing, or { server, headers }";

export function checkAttempt(answer: unknown): CheckedAttempt {
  if (answer === undefined || answer === null) return UNCHANGED;
  if (typeof answer !== "object" || Array.isArray(answer) || isOpaque(answer, ["server", "headers"]))
    throw new TypeError(`it answered ${kindOf(answer)}; ${ATTEMPTS}`);
  const { server, headers, ...rest } = answer as Record<string, unknown>;
  refuseOthers(rest, ATTEMPTS);
  return {
    server: server === undefined || server === null ? null : textOf(server, "server"),
    edits: checkEdits(headers),
  };
}

/** By its members: frameworks bring classes of their own. */
export function isResponse(value: unknown): value is Response {
  if (typeof value !== "object" || value === null || !("status" in value) || !("headers" in value)) return false;
  const { status, headers } = value;
  const hasHeaders = typeof headers === "object" && headers !== null && "getSetCookie" in headers;
  return typeof status === "number" && hasHeaders && "body" in value;
}

/** What was read already, or has a status that answers nobody, cannot be sent. */
export function sendable(response: Response): Response {
  statusOf(response.status);
  if (response.body !== null && (response.bodyUsed || response.body.locked))
    throw new TypeError("the body of its Response was read already; a Response can be sent once, make a new one");
  return response;
}

/** A final status a client may be answered. */
export function statusOf(status: unknown): number {
  if (isStatus(status, 200)) return status;
  throw new TypeError(`${numberOrKind(status)} is no status; give a whole number from 200 to 599`);
}

function deniable(status: unknown): number {
  if (isStatus(status, 400)) return status;
  const redirects = isStatus(status, 300) ? ", or answer Response.redirect(url)" : "";
  throw new TypeError(`${numberOrKind(status)} is no status to deny with; give 400 to 599${redirects}`);
}

function isStatus(status: unknown, from: number): status is number {
  return typeof status === "number" && Number.isInteger(status) && status >= from && status <= 599;
}

/** What is undefined is left out, as it is for the fields that are known. */
function refuseOthers(rest: object, forms: string): void {
  const given = Object.entries(rest).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  const [unknown] = given;
  throw new TypeError(`it answered ${JSON.stringify(unknown)}, which is not known; ${forms}`);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new TypeError(`${what} is ${kindOf(value)}; give a text`);
}

function upstreamOf(answer: Record<string, unknown>): Destination {
  const { upstream, server, strict, hashKey, host, headers, ...rest } = answer;
  refuseOthers(rest, DECISIONS);
  return {
    kind: "upstream",
    upstream: textOf(upstream, "upstream"),
    server: server === undefined || server === null ? null : textOf(server, "server"),
    strict: strict === true,
    hashKey: hashKey === undefined || hashKey === null ? null : textOf(hashKey, "hashKey"),
    host: host === undefined ? null : hostOf(host),
    edits: headers === undefined ? NO_EDITS : checkEdits(headers),
  };
}

const TARGET = /^http:\/\/([^/?#@\s]+)\/?$/;

function targetOf(answer: Record<string, unknown>): Destination {
  const { target, host, headers, ...rest } = answer;
  refuseOthers(rest, DECISIONS);
  const text = textOf(target, "target");
  const [, authority = ""] = TARGET.exec(text) ?? [];
  const nameEnd = endOfHost(authority);
  const port = nameEnd === authority.length ? 80 : Number(authority.slice(nameEnd + 1));
  if (nameEnd === -1 || port === 0) throw new TypeError(`target ${quoted(text)} is not of the form http://HOST:PORT`);
  const name = authority.slice(0, nameEnd);
  return {
    kind: "target",
    host: (name.startsWith("[") ? name.slice(1, -1) : name).toLowerCase(),
    port,
    sentHost: host === undefined ? null : hostOf(host),
    edits: checkEdits(headers),
  };
}

function pathOf(path: unknown): string {
  const text = textOf(path, "path");
  if (!text.startsWith("/")) throw new TypeError(`path ${quoted(text)} does not begin with a slash`);
  const problem = hasDotSegments(text) ? "it has a dot segment" : refusalOf(text);
  if (problem !== null) throw new TypeError(`path ${quoted(text)} cannot be sent: ${problem}`);
  return text;
}

function refusalOf(path: string): string | null {
  const reading = readPath(path);
  return "refused" in reading ? reading.refused : null;
}

function queryOf(query: unknown): string {
  const text = textOf(query, "query");
  if (text.startsWith("?")) throw new TypeError('query begins with "?"; leave it out');
  for (let i = 0; i < text.length; i++)
    if (QUERY[text.charCodeAt(i)] !== 1) throw new TypeError("query holds a character that has to be escaped");
  return text;
}

/** With its port, if it has one. */
function hostOf(host: unknown): string {
  const text = textOf(host, "host");
  if (endOfHost(text) === -1) throw new TypeError(`host ${quoted(text)} is no host name with an optional port`);
  return text;
}

/** Position behind the host name, or -1: this is no host with an optional port. */
function endOfHost(text: string): number {
  if (!/^[\x21-\x7e]+$/.test(text)) return -1;
  const bytes = bytesOf(text);
  return endOfHostName(bytes, 0, bytes.length);
}
