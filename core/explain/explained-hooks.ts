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

/**
 * How far a request comes: `parser` is one whose head is refused, of which hooks are not told at all, `door` one that is
 * refused before anybody is asked, `search` one that no route takes, `route` one that is answered or refused there,
 * `choice` one for which no server may be asked.
 */
export type Reach = "parser" | "door" | "search" | "route" | "choice" | "server";

const REACHES: readonly Reach[] = ["parser", "door", "search", "route", "choice", "server"];

/** `before` are those that run while there is no route, `ofRoute` those of the route that was found. */
export function describeHooks(
  before: HookSet | null,
  ofRoute: HookSet | null,
  reach: Reach,
  hasBody: boolean,
): ExplainedHook[] {
  const reaches = (stage: Reach) => REACHES.indexOf(reach) >= REACHES.indexOf(stage);
  const atChoice = reaches("choice") ? ofRoute : null;
  const atServer = reaches("server") ? ofRoute : null;
  const hooks = [
    reaches("search") ? before?.onRequest : null,
    reaches("route") ? ofRoute?.onRequest : null,
    atChoice?.decide,
    ...((hasBody ? atChoice?.transformRequestBody : null) ?? []),
    atServer?.onAttempt,
    ...(atServer?.onResponse ?? []),
    ...(atServer?.transformResponseBody ?? []),
    ...(reaches("door") ? ((ofRoute ?? before)?.onFinish ?? []) : []),
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
