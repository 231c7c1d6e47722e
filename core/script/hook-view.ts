/** A hook as an operator sees it. */

import type { HookFailure } from "../observe/events.ts";
import type { Hook } from "./hook.ts";
import type { HookKind } from "./hooks.ts";

/** A hook, as an operator sees it. */
export interface HookView {
  /** `hooks.onRequest`, `routes.api.decide`. */
  readonly name: string;
  readonly kind: HookKind;
  /** `file:line`, `""` where that is not known. */
  readonly source: string;
  readonly calls: number;
  /** Threw, took too long, blocked, or answered nonsense. */
  readonly failures: number;
  readonly failuresByKind: Readonly<Record<HookFailure, number>>;
  /** What the last failure said, cut to 512 characters; `""` when there was none. */
  readonly lastError: string;
  /** Not called, because it rested or too many calls of it hung. */
  readonly skipped: number;
  /** Called, and not heard of yet. */
  readonly pending: number;
  /** Of these, those nobody waits for any more. */
  readonly hung: number;
  /** It failed too often and is not called for a while. */
  readonly isResting: boolean;
  /** For so long nobody calls it; 0: the next call may try whether it is well again, or it does not rest. */
  readonly restsForMs: number;
}

export function viewOf(hook: Hook): HookView {
  const { definition, calls, failures, failuresByKind, lastError, skipped, pending, hung, breaker, surroundings } =
    hook;
  const { name, kind, source } = definition;
  return {
    name,
    kind,
    source,
    calls,
    failures,
    failuresByKind: { ...failuresByKind },
    lastError,
    skipped,
    pending,
    hung,
    isResting: breaker.isOpen,
    restsForMs: breaker.restsForMs(surroundings.timers.nowMs),
  };
}
