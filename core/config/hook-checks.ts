/** What hooks and targets of a configuration say about the rest of it. */

import { NOT_LOADED, type ParsedHook, type ParsedHooks } from "./hook-schema.ts";
import { type ConfigPath, type ConfigProblem, problemAt } from "./problem.ts";
import type { ParsedRoute } from "./route-schema.ts";
import { suggestion } from "./suggest.ts";

/** Of the whole configuration's hooks, or of one route's. */
export function checkHooks(
  hooks: ParsedHooks | undefined,
  at: ConfigPath,
  upstreams: ReadonlyMap<string, unknown>,
): ConfigProblem[] {
  return Object.entries(hooks ?? {}).flatMap(([kind, hook]) =>
    hook === undefined ? [] : checkHook(hook as ParsedHook, [...at, kind], upstreams),
  );
}

/** Of a route: its target, its mount, its hooks. */
export function checkCode(
  { target, mount, hooks }: ParsedRoute,
  at: ConfigPath,
  upstreams: ReadonlyMap<string, unknown>,
): ConfigProblem[] {
  const problems = checkHooks(hooks, [...at, "hooks"], upstreams);
  if (target !== undefined) problems.push(...checkHook(target, [...at, "target"], upstreams));
  if (typeof mount === "object" && "script" in mount) problems.push(problemAt([...at, "mount", "script"], NOT_LOADED));
  return problems;
}

function checkHook(hook: ParsedHook, at: ConfigPath, upstreams: ReadonlyMap<string, unknown>): ConfigProblem[] {
  if (typeof hook === "function") return [];
  if (hook.run === undefined) {
    return hook.script === undefined
      ? [problemAt(at, "has no function; give it run, or script and export")]
      : [problemAt([...at, "script"], NOT_LOADED)];
  }
  if (hook.script !== undefined) return [problemAt([...at, "script"], "stands beside run; keep one of the two")];
  const { fallback } = hook;
  if (typeof fallback !== "object" || !("upstream" in fallback) || upstreams.has(fallback.upstream)) return [];
  const { upstream } = fallback;
  const hint = suggestion(upstream, [...upstreams.keys()]);
  return [problemAt([...at, "fallback", "upstream"], `no upstream is called ${JSON.stringify(upstream)}; ${hint}`)];
}

/** Whether code may ask any upstream, whatever the routes say: each hook has `context.fetch`. */
export function codeMayAsk(hooks: ParsedHooks | null, routes: readonly (ParsedRoute | null)[]): boolean {
  return hasHook(hooks) || routes.some((route) => route?.target !== undefined || hasHook(route?.hooks));
}

function hasHook(hooks: ParsedHooks | null | undefined): boolean {
  return Object.values(hooks ?? {}).some((hook) => hook !== undefined);
}
