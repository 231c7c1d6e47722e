/**
 * A configuration parsed by its schema one route and one upstream at a time: valibot knows no pauses, and ten thousand
 * routes take it longer than requests should wait.
 */

import * as v from "valibot";
import type { Steps } from "../time/steps.ts";
import { isMap } from "./problem.ts";
import { type ParsedRoute, RouteSchema } from "./route-schema.ts";
import { ConfigSchema, type ParsedConfig, UpstreamsSchema } from "./schema.ts";

/** What `ConfigSchema` makes of it; null when anything is wrong, which a look at the whole tells best. */
export function* parsingInPieces(config: unknown): Steps<ParsedConfig | null> {
  if (!isMap(config)) return null;
  const { upstreams: named = {}, routes: listed } = config;
  if (!isMap(named) || !Array.isArray(listed)) return null;
  // With one of its routes, for a list must not be empty.
  const rest = v.safeParse(ConfigSchema, { ...config, upstreams: {}, routes: listed.slice(0, 1) });
  if (!rest.success) return null;
  yield;
  const upstreams: ParsedConfig["upstreams"] = {};
  for (const name of Object.keys(named)) {
    const one = v.safeParse(UpstreamsSchema, Object.fromEntries([[name, named[name]]]));
    if (!one.success) return null;
    Object.assign(upstreams, one.output);
    yield;
  }
  const routes: ParsedRoute[] = [...rest.output.routes];
  for (const route of listed.slice(1)) {
    const one = v.safeParse(RouteSchema, route);
    if (!one.success) return null;
    routes.push(one.output);
    yield;
  }
  return { ...rest.output, upstreams, routes };
}
