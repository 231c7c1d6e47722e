/**
 * One line of text per finished request, and one per failed one. Clients and upstreams choose most of what
 * stands in it, so a line never holds a control character, no field is longer than `LOG_FIELD_LENGTH_MAX`, and
 * query parameters that look like secrets are masked (M08, M09).
 */

import { LOG_FIELD_LENGTH_MAX } from "../limits.ts";
import { errorText } from "../script/error-text.ts";
import type { ConnectionBound, FinishedExchange, Notice } from "./events.ts";

export type LogFormat = "json" | "text";

/** Query parameters whose value is not for the log (M09). Compared in lower case, without `_` and `-`. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  "accesskey",
  "accesstoken",
  "apikey",
  "auth",
  "authorization",
  "clientsecret",
  "code",
  "idtoken",
  "jwt",
  "key",
  "passwd",
  "password",
  "pwd",
  "refreshtoken",
  "secret",
  "sessionid",
  "sig",
  "signature",
  "token",
  "xamzcredential",
  "xamzsecuritytoken",
  "xamzsignature",
  "xgoogsignature",
]);

/** Why there is no room for one more client connection, and what would make some. */
const NO_ROOM: Readonly<Record<ConnectionBound, (limit: number) => string>> = {
  configuration: (limit) => `all ${limit} client connections of \`limits.clientConnections\` are in use`,
  descriptors: (limit) =>
    `all ${limit} client connections that the limit of open files allows are in use (\`ulimit -n\`, \`LimitNOFILE\`)`,
  memory: (limit) => `memory is short, no more than ${limit} client connections are taken on`,
  starting: (limit) => `${limit} connections wait already until the new configuration takes over`,
};

function descriptorsText(limit: number | null): string {
  const which = limit === null ? "all that may be open" : `all ${limit} of this process`;
  return `${which} are in use: new connections wait or are closed; raise the limit of open files (\`ulimit -n\`, \`LimitNOFILE\`) or lower \`limits.clientConnections\``;
}

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

/** What the log says of things that never became a request. */
export function formatNotice(notice: Notice, atMs: number): string {
  const start = timeOf(atMs);
  switch (notice.kind) {
    case "refused": {
      const { fault, method, target, clientAddress, requestId, listener } = notice;
      const request =
        method === "" ? "" : `; ${escapeText(method)} ${target === "" ? "-" : escapeText(maskTarget(target))}`;
      const from = `request ${escapeText(requestId)}, client ${escapeText(clientAddress)}, listener ${escapeText(listener)}`;
      return `${start} error ${fault.code}: ${fault.reason}${request} -> ${fault.status}; ${from}`;
    }
    case "breaker": {
      const { upstream, cap, limit, isOpen, refused } = notice;
      const where = `\`breaker.${cap}\` of upstream ${escapeText(upstream)}`;
      if (isOpen) return `${start} error ${where} is open: its limit of ${limit} is reached; more are refused`;
      return `${start} info ${where} is closed again; refused: ${refused}`;
    }
    case "accept-failed":
      return `${start} error accepting failed: ${escapeText(notice.error.message)} [${notice.error.code}]; listener ${escapeText(notice.listener)}; trying again`;
    case "descriptors-exhausted":
      return `${start} error no descriptors are left, ${descriptorsText(notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "connection-shed":
      return `${start} error connection closed at once: ${NO_ROOM[notice.by](notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "accept-paused":
      return `${start} error accepting rests: ${NO_ROOM[notice.by](notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "memory": {
      const level = notice.step === 0 ? "notice" : "error";
      return `${start} ${level} ${Math.round(notice.load * 100)} % of the memory is in use: ${MEMORY_STEPS[notice.step]}`;
    }
    case "address-shed":
      return `${start} error connection closed at once: client ${escapeText(notice.clientAddress)} has ${notice.limit} connections already (\`limits.connectionsPerAddress\`); listener ${escapeText(notice.listener)}`;
    case "server-state": {
      const { upstream, server, from, to, reason } = notice;
      const level = to === "down" || to === "ejected" ? "error" : "notice";
      return `${start} ${level} server ${escapeText(server)} of upstream ${escapeText(upstream)}: ${from} -> ${to}; ${cut(reason)}`;
    }
    case "panic": {
      const { upstream, isPanic, healthy, servers } = notice;
      const count = `${healthy} of ${servers} servers of upstream ${escapeText(upstream)} are healthy`;
      return isPanic
        ? `${start} error only ${count}: all that accept connections are tried`
        : `${start} notice ${count}: only these are tried again`;
    }
    case "agent-malformed":
      return `${start} error the agent of server ${escapeText(notice.server)} of upstream ${escapeText(notice.upstream)} is not understood and changes nothing: ${cut(notice.reason)}; its words are in docs/health.md`;
    case "name-failed": {
      const kept =
        notice.kept > 0 ? `the ${notice.kept} known before stay in use` : "it brings no server until it can be";
      const { code, message } = notice.error;
      return `${start} error the name ${escapeText(notice.name)} cannot be resolved: ${cut(message)} [${code}]; ${kept}; trying again`;
    }
    case "name-resolved":
      return `${start} notice the name ${escapeText(notice.name)} can be resolved again`;
    case "name-cut":
      return `${start} error the name ${escapeText(notice.name)} has ${notice.found} records; the first ${notice.used} in their order are used`;
    case "servers-cut":
      return `${start} error the names of upstream ${escapeText(notice.upstream)} have more addresses than may be servers; the first ${notice.used} are used`;
    case "hook-failed":
      return `${start} error ${hookFailure(notice)}`;
    case "target-refused":
      return `${start} error ${hookAt(notice)} chose ${escapeText(notice.target)}, which \`allowTargets\` does not allow; request ${escapeText(notice.requestId)}`;
    case "hook-said":
      return `${start} info hook ${escapeText(notice.hook)}: ${cut(notice.text)}; request ${escapeText(notice.requestId)}`;
    case "cache-failing":
      return `${start} error ${cacheFailure(notice)}`;
    case "servers-changed":
      return `${start} notice upstream ${escapeText(notice.upstream)} has ${notice.servers} ${notice.servers === 1 ? "server" : "servers"} now${changes(notice.added, notice.removed)}`;
  }
}

function hookFailure({ hook, source, requestId, failure, error, rests }: Told<"hook-failed">): string {
  const rest = rests ? "; it fails too often and is not called for a while" : "";
  // `onUnload` is called for none.
  const request = requestId === "" ? "" : `; request ${escapeText(requestId)}`;
  return `${hookAt({ hook, source })} ${HOOK_FAILURES[failure]}: ${cut(errorText(error))}${request}${rest}`;
}

function hookAt({ hook, source }: { readonly hook: string; readonly source: string }): string {
  return `hook ${escapeText(hook)}${source === "" ? "" : ` (${escapeText(source)})`}`;
}

function cacheFailure({ failures, error }: Told<"cache-failing">): string {
  const what = failures === 1 ? "a lookup" : `${failures} lookups`;
  return `${what} by context.cache failed, the last: ${cut(errorText(error))}; what was known before is answered as long as staleIfError allows`;
}

type Told<K extends Notice["kind"]> = Extract<Notice, { kind: K }>;

const HOOK_FAILURES = {
  threw: "threw",
  timeout: "timed out",
  nonsense: "answered nonsense",
  blocked: "kept all requests waiting",
} as const;

function changes(added: readonly string[], removed: readonly string[]): string {
  if (added.length + removed.length === 0) return ", the same with other settings or in another order";
  return `${listed("new", added)}${listed("gone", removed)}`;
}

function listed(what: string, labels: readonly string[]): string {
  if (labels.length === 0) return "";
  const more = labels.length > LABELS_SHOWN_MAX ? ` and ${labels.length - LABELS_SHOWN_MAX} more` : "";
  return `; ${what}: ${labels.slice(0, LABELS_SHOWN_MAX).map(escapeText).join(", ")}${more}`;
}

const LABELS_SHOWN_MAX = 5;

const MEMORY_STEPS = [
  "enough is left again",
  "connections close after their response",
  "only few requests are served at a time",
  "only few connections are accepted",
] as const;

/** The target with the values of secret query parameters replaced, and what stands before an `@` of its host. */
export function maskTarget(received: string): string {
  const target = received.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?]*@/i, "$1***@");
  const start = target.indexOf("?");
  if (start < 0) return target;
  const parameters = target.slice(start + 1).split("&");
  const masked = parameters.map((parameter) => {
    const equals = parameter.indexOf("=");
    return equals > 0 && isSecret(parameter.slice(0, equals)) ? `${parameter.slice(0, equals)}=***` : parameter;
  });
  return `${target.slice(0, start)}?${masked.join("&")}`;
}

/** For a terminal: escapes instead of controls, quotes only where there is a space. */
export function escapeText(text: string): string {
  const quoted = escapeJson(text);
  const inner = quoted.slice(1, -1);
  return inner === "" || /[\s"]/.test(text) ? quoted : inner;
}

/** A sentence of ours that may quote a server: on one line, without controls, not in quotes. */
function cut(sentence: string): string {
  return escapeJson(sentence).slice(1, -1).replaceAll('\\"', '"');
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

function isSecret(name: string): boolean {
  let plain = name;
  try {
    plain = decodeURIComponent(name);
  } catch {
    // A bad escape: compared as it is.
  }
  return SECRET_PARAMETERS.has(plain.toLowerCase().replaceAll(/[_-]/g, ""));
}

/** JSON, with everything escaped that a terminal or a log viewer might act on. */
function escapeJson(text: string): string {
  const shown = text.length > LOG_FIELD_LENGTH_MAX ? `${text.slice(0, LOG_FIELD_LENGTH_MAX - 1)}…` : text;
  return escapeInvisible(JSON.stringify(shown));
}

/** In a JSON text: what a terminal or a log viewer might act on. */
export function escapeInvisible(json: string): string {
  return json.replace(
    /[\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString();
}

function milliseconds(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
