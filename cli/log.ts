/** What the core announces → lines: finished requests on standard output, failures on standard error. */

import type { LogDefinition } from "../core/config/compile.ts";
import { formatAccess, formatFailure, formatNotice } from "../core/observe/access-log.ts";
import type { Notice, Observer } from "../core/observe/events.ts";
import { FailureLog } from "../core/observe/failure-log.ts";
import type { Runtime } from "../core/runtime.ts";
import { standardError, standardOutput } from "./line-writer.ts";
import { programs } from "./programs.ts";

export interface Log extends Observer {
  /** From now on. */
  goBy(definition: LogDefinition): void;
  /** Writes what was held back. */
  close(): void;
}

export function createLog(first: LogDefinition, runtime: Runtime): Log {
  let definition = first;
  const write = (line: string) => standardError.write(line);
  const ofClients = new FailureLog(write, "failures of clients");
  const ofOthers = new FailureLog(write, "failures of upstreams and this proxy");
  const flushing = setInterval(() => {
    const now = runtime.wallClockMs();
    ofClients.flush(now);
    ofOthers.flush(now);
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
      const failures = fault.side === "client" ? ofClients : ofOthers;
      failures.report((atMs) => formatFailure(exchange, atMs), now);
    },
    onNotice(told) {
      const notice = withPlace(told);
      const failures = OF_CLIENTS.has(notice.kind) ? ofClients : ofOthers;
      failures.report((atMs) => formatNotice(notice, atMs), runtime.wallClockMs());
    },
    close() {
      clearInterval(flushing);
      const now = runtime.wallClockMs();
      ofClients.close(now);
      ofOthers.close(now);
    },
  };
}

/** A hook's failure tells where it was thrown, which says more than where the function begins. */
function withPlace(notice: Notice): Notice {
  if (notice.kind !== "hook-failed") return notice;
  const place = programs.sources.placeOf(notice.error);
  return place === null || place === "" ? notice : { ...notice, source: place };
}

/** Notices that any client can cause. */
const OF_CLIENTS: ReadonlySet<Notice["kind"]> = new Set([
  "refused",
  "connection-shed",
  "address-shed",
  "accept-paused",
]);
