import { CheckRun } from "../../core/health/check-run.ts";
import { Check } from "../../core/health/checks.ts";
import { GroupHealth } from "../../core/health/group-health.ts";
import { ServerHealth } from "../../core/health/server-health.ts";
import { type Timed, Timer, type Timers } from "../../core/time/timers.ts";

/** From here on the deadlines that are set of `timers` are counted: answers how many of them run. */
export function watchTimers(timers: Timers, isCounted: (timed: Timed) => boolean = () => true): () => number {
  const seen = new Set<Timed>();
  let forgetAt = 1_000;
  const forget = () => {
    for (const timed of seen) if (timed.deadlineMs === 0) seen.delete(timed);
    // With those that are over everything would be kept alive that they belonged to.
    forgetAt = 2 * seen.size + 1_000;
  };
  const set = timers.set.bind(timers);
  timers.set = (timed, delayMs) => {
    if (isCounted(timed)) seen.add(timed);
    set(timed, delayMs);
    if (seen.size > forgetAt) forget();
  };
  return () => {
    forget();
    return seen.size;
  };
}

/** What watches servers goes on as long as there are servers: it is not left over from any request. */
export function isOfRequest(timed: Timed): boolean {
  const watchers = [GroupHealth, ServerHealth, Check, CheckRun];
  return !(timed instanceof Timer) || watchers.every((watcher) => !(timed.owner instanceof watcher));
}
