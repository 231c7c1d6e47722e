import { CheckRun } from "../../core/health/check-run.ts";
import { Check } from "../../core/health/checks.ts";
import { GroupHealth } from "../../core/health/group-health.ts";
import { ServerHealth } from "../../core/health/server-health.ts";
import { type Timed, Timer } from "../../core/time/timers.ts";

/** What watches servers goes on as long as there are servers: it is not left over from any request. */
export function isOfHealth(timed: Timed): boolean {
  const watchers = [GroupHealth, ServerHealth, Check, CheckRun];
  return timed instanceof Timer && watchers.some((watcher) => timed.owner instanceof watcher);
}
