/** A hook as an operator sees it. */

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
  /** Not called, because it rested or too many calls of it hung. */
  readonly skipped: number;
  /** Called, and not heard of yet. */
  readonly pending: number;
  /** Of these, those nobody waits for any more. */
  readonly hung: number;
  /** It failed too often and is not called for a while. */
  readonly isResting: boolean;
}

export function viewOf({ definition, calls, failures, skipped, pending, hung, breaker }: Hook): HookView {
  const { name, kind, source } = definition;
  return { name, kind, source, calls, failures, skipped, pending, hung, isResting: breaker.isOpen };
}
