/** What the core announces → lines: finished requests on standard output, failures on standard error. */

import type { LogDefinition } from "../core/config/compile.ts";
import type { FaultSide } from "../core/fault.ts";
import { formatAccess, formatFailure } from "../core/observe/access-log.ts";
import { BoundedLog } from "../core/observe/bounded-log.ts";
import type { Notice, Observer } from "../core/observe/events.ts";
import { formatNotice } from "../core/observe/notice-text.ts";
import type { Runtime } from "../core/runtime.ts";
import { standardError, standardOutput } from "./line-writer.ts";
import { programs } from "./programs.ts";

export interface Log extends Observer {
  /** From now on. */
  goBy(definition: LogDefinition): void;
  /** Writes what was held back. */
  close(): void;
}

/** `onFailure` takes the lines about failures. */
export function createLog(
  first: LogDefinition,
  runtime: Pick<Runtime, "wallClockMs">,
  onFailure: (line: string) => void = (line) => standardError.write(line),
): Log {
  let definition = first;
  const failures: Record<FaultSide | "said" | "change", BoundedLog> = {
    client: new BoundedLog(onFailure, "failures of clients"),
    upstream: new BoundedLog(onFailure, "failures of upstreams"),
    internal: new BoundedLog(onFailure, "failures of hooks and this proxy"),
    said: new BoundedLog(onFailure, "lines that hooks wrote"),
    change: new BoundedLog(onFailure, "changes of upstreams"),
  };
  const flushing = setInterval(() => {
    for (const each of Object.values(failures)) each.flush(runtime.wallClockMs());
  }, 1_000);
  // Bun and Node only; on Deno `close` ends it.
  (flushing as { unref?: () => void }).unref?.();
  return {
    get wantsTimes() {
      return definition.access;
    },
    goBy(next) {
      definition = next;
    },
    onExchange(exchange) {
      const { fault } = exchange;
      if (!definition.access && fault === null) return;
      const now = runtime.wallClockMs();
      if (definition.access) standardOutput.write(formatAccess(exchange, now, definition.format));
      if (fault === null) return;
      failures[fault.side].report((atMs) => formatFailure(exchange, atMs), now);
    },
    onNotice(told) {
      const notice = withPlace(told);
      failures[logOf(notice.kind)].report((atMs) => formatNotice(notice, atMs), runtime.wallClockMs());
    },
    close() {
      clearInterval(flushing);
      for (const each of Object.values(failures)) each.close(runtime.wallClockMs());
    },
  };
}

/** A hook's failure tells where it was thrown, which says more than where the function begins. */
function withPlace(notice: Notice): Notice {
  if (notice.kind !== "hook-failed") return notice;
  const place = programs.sources.placeOf(notice.error);
  return place === null || place === "" ? notice : { ...notice, source: place };
}

/**
 * What any client can cause, or have a hook fail at, must not hide what servers do; and what becomes of servers is told
 * once only, just when many requests fail for it. A hook that writes a line for each request hides no failure.
 */
function logOf(kind: Notice["kind"]): FaultSide | "said" | "change" {
  switch (kind) {
    case "refused":
    case "connection-shed":
    case "address-shed":
    case "accept-paused":
      return "client";
    case "hook-failed":
    case "target-refused":
    case "cache-failing":
    case "accept-failed":
    case "descriptors-exhausted":
      return "internal";
    case "hook-said":
      return "said";
    default:
      return "change";
  }
}
