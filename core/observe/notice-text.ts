/** A notice as one line of the log: its level, what happened, where, and what to do about it. */

import { errorText } from "../script/error-text.ts";
import { escapeSentence, escapeText } from "./escape.ts";
import type { ConnectionBound, HookFailure, Notice } from "./events.ts";
import { maskTarget } from "./mask-target.ts";

/** Without a line end. `atMs` is wall clock time. */
export function formatNotice(notice: Notice, atMs: number): string {
  return `${new Date(atMs).toISOString()} ${sentenceOf(notice)}`;
}

/** Begins with its level. */
function sentenceOf(notice: Notice): string {
  switch (notice.kind) {
    case "refused": {
      const { fault, method, target, clientAddress, requestId, listener } = notice;
      const request =
        method === "" ? "" : `; ${escapeText(method)} ${target === "" ? "-" : escapeText(maskTarget(target))}`;
      const from = `request ${escapeText(requestId)}, client ${escapeText(clientAddress)}, listener ${escapeText(listener)}`;
      return `error ${fault.code}: ${fault.reason}${request} -> ${fault.status}; ${from}`;
    }
    case "breaker": {
      const { upstream, cap, limit, isOpen, refused } = notice;
      const where = `\`breaker.${cap}\` of upstream ${escapeText(upstream)}`;
      if (isOpen) return `error ${where} is open: its limit of ${limit} is reached; more are refused`;
      return `info ${where} is closed again; refused: ${refused}`;
    }
    case "accept-failed":
      return `error accepting failed: ${escapeText(notice.error.message)} [${notice.error.code}]; listener ${escapeText(notice.listener)}; trying again`;
    case "descriptors-exhausted":
      return `error no descriptors are left, ${descriptorsText(notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "connection-shed":
      return `error connection closed at once: ${NO_ROOM[notice.by](notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "accept-paused":
      return `error accepting rests: ${NO_ROOM[notice.by](notice.limit)}; listener ${escapeText(notice.listener)}`;
    case "memory": {
      const level = notice.step === 0 ? "notice" : "error";
      return `${level} ${Math.round(notice.load * 100)} % of the memory is in use: ${MEMORY_STEPS[notice.step]}`;
    }
    case "address-shed":
      return `error connection closed at once: client ${escapeText(notice.clientAddress)} has ${notice.limit} connections already (\`limits.connectionsPerAddress\`); listener ${escapeText(notice.listener)}`;
    case "server-state": {
      const { upstream, server, from, to, reason } = notice;
      const level = to === "down" || to === "ejected" ? "error" : "notice";
      return `${level} server ${escapeText(server)} of upstream ${escapeText(upstream)}: ${from} -> ${to}; ${escapeSentence(reason)}`;
    }
    case "panic": {
      const { upstream, isPanic, healthy, servers } = notice;
      const count = `${healthy} of ${servers} servers of upstream ${escapeText(upstream)} are healthy`;
      return isPanic
        ? `error only ${count}: all that accept connections are tried`
        : `notice ${count}: only these are tried again`;
    }
    case "agent-malformed":
      return `error the agent of server ${escapeText(notice.server)} of upstream ${escapeText(notice.upstream)} is not understood and changes nothing: ${escapeSentence(notice.reason)}; its words are in docs/health.md`;
    case "name-failed": {
      const kept =
        notice.kept > 0 ? `the ${notice.kept} known before stay in use` : "it brings no server until it can be";
      const { code, message } = notice.error;
      return `error the name ${escapeText(notice.name)} cannot be resolved: ${escapeSentence(message)} [${code}]; ${kept}; trying again`;
    }
    case "name-resolved":
      return `notice the name ${escapeText(notice.name)} can be resolved again`;
    case "name-cut":
      return `error the name ${escapeText(notice.name)} has ${notice.found} records; the first ${notice.used} in their order are used`;
    case "servers-cut":
      return `error the names of upstream ${escapeText(notice.upstream)} have more addresses than may be servers; the first ${notice.used} are used`;
    case "hook-failed":
      return `error ${hookFailure(notice)}`;
    case "target-refused":
      return `error ${hookAt(notice)} chose ${escapeText(notice.target)}, which \`allowTargets\` does not allow; request ${escapeText(notice.requestId)}`;
    case "hook-said":
      return `info hook ${escapeText(notice.hook)}: ${escapeSentence(notice.text)}; request ${escapeText(notice.requestId)}`;
    case "cache-failing":
      return `error ${cacheFailure(notice)}`;
    case "servers-changed":
      return `notice upstream ${escapeText(notice.upstream)} has ${notice.servers} ${notice.servers === 1 ? "server" : "servers"} now${changes(notice.added, notice.removed)}`;
  }
}

function descriptorsText(limit: number | null): string {
  const which = limit === null ? "all that may be open" : `all ${limit} of this process`;
  return `${which} are in use: new connections wait or are closed; raise the limit of open files (\`ulimit -n\`, \`LimitNOFILE\`) or lower \`limits.clientConnections\``;
}

/** Why there is no room for one more client connection, and what would make some. */
const NO_ROOM: Readonly<Record<ConnectionBound, (limit: number) => string>> = {
  configuration: (limit) => `all ${limit} client connections of \`limits.clientConnections\` are in use`,
  descriptors: (limit) =>
    `all ${limit} client connections that the limit of open files allows are in use (\`ulimit -n\`, \`LimitNOFILE\`)`,
  memory: (limit) => `memory is short, no more than ${limit} client connections are taken on`,
  starting: (limit) => `${limit} connections wait already until the new configuration takes over`,
};

const MEMORY_STEPS = [
  "enough is left again",
  "connections close after their response",
  "only few requests are served at a time",
  "only few connections are accepted",
] as const;

function hookFailure({ hook, source, requestId, failure, error, rests }: Told<"hook-failed">): string {
  const rest = rests ? "; it fails too often and is not called for a while" : "";
  // `onUnload` is called for none.
  const request = requestId === "" ? "" : `; request ${escapeText(requestId)}`;
  return `${hookAt({ hook, source })} ${HOOK_FAILURES[failure]}: ${escapeSentence(errorText(error))}${request}${rest}`;
}

function hookAt({ hook, source }: { readonly hook: string; readonly source: string }): string {
  return `hook ${escapeText(hook)}${source === "" ? "" : ` (${escapeText(source)})`}`;
}

function cacheFailure({ failures, error }: Told<"cache-failing">): string {
  const what = failures === 1 ? "a lookup" : `${failures} lookups`;
  return `${what} by context.cache failed, the last: ${escapeSentence(errorText(error))}; what was known before is answered as long as staleIfError allows`;
}

type Told<K extends Notice["kind"]> = Extract<Notice, { kind: K }>;

const HOOK_FAILURES: Readonly<Record<HookFailure, string>> = {
  threw: "threw",
  timeout: "timed out",
  nonsense: "answered nonsense",
  blocked: "kept all requests waiting",
};

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
