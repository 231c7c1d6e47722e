/** Hooks that a request passes, in the order they run. */

import type { Hook } from "../script/hook.ts";
import type { HookSet } from "../script/hook-set.ts";
import type { Fallback } from "../script/hooks.ts";

export interface ExplainedHook {
  readonly name: string;
  /** `file:line`, `""` where that is not known. */
  readonly source: string;
  readonly timeoutMs: number;
  readonly fallback: string;
}

/** `before` are those that run while there is no route, `ofRoute` those of the route that was found. */
export function describeHooks(before: HookSet | null, ofRoute: HookSet | null): ExplainedHook[] {
  const set = ofRoute ?? before;
  const hooks = [
    before?.onRequest,
    ofRoute?.onRequest,
    ofRoute?.decide,
    ofRoute?.onAttempt,
    ...(ofRoute?.transformRequestBody ?? []),
    ...(ofRoute?.onResponse ?? []),
    ...(ofRoute?.transformResponseBody ?? []),
    ...(set?.onFinish ?? []),
  ];
  return hooks.flatMap((hook) => (hook === null || hook === undefined ? [] : [describeHook(hook as unknown as Hook)]));
}

function describeHook({ definition }: Hook): ExplainedHook {
  const { name, source, timeoutMs, fallback } = definition;
  return { name, source, timeoutMs, fallback: fallbackText(fallback) };
}

function fallbackText(fallback: Fallback): string {
  if (fallback === "ignore") return "ignore";
  return "status" in fallback ? `status ${fallback.status}` : `upstream ${fallback.upstream}`;
}
