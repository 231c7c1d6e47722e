/** What requests of hooks to an upstream go by: a deployment with one route that leads there, and no hooks. */

import { responseBoundsOf } from "../h1/parse-head.ts";
import { NO_CONDITIONS } from "../route/predicates.ts";
import type { RouteDefinition } from "../route/route.ts";
import { compileTable } from "../route/table.ts";
import { type Deployment, type RoutePlan, restOf, timeoutsFor } from "./deployment.ts";

const NOTHING = { set: [], add: [], remove: [] };

const made = new WeakMap<Deployment, Map<string, Deployment>>();

/** `upstream` in lower case, as URLs have it. Null: there is none of this name. Made once for each. */
export function innerDeployment(deployment: Deployment, upstream: string): Deployment | null {
  const known = made.get(deployment) ?? new Map<string, Deployment>();
  made.set(deployment, known);
  let inner = known.get(upstream) ?? null;
  if (inner !== null) return inner;
  const name = deployment.groups.has(upstream)
    ? upstream
    : [...deployment.groups.keys()].find((each) => each.toLowerCase() === upstream);
  if (name === undefined) return null;
  inner = deploymentTo(deployment, name);
  known.set(upstream, inner);
  return inner;
}

function deploymentTo(deployment: Deployment, upstream: string): Deployment {
  const { snapshot } = deployment;
  const compiled = compileTable([routeTo(upstream)]);
  if ("problems" in compiled) throw new Error(`no route to ${upstream} could be made`);
  const route = compiled.table.routes[0]!;
  const group = deployment.groups.get(upstream)!;
  const plan: RoutePlan = {
    group,
    answer: null,
    limits: snapshot.limits,
    timeouts: timeoutsFor(route, group, snapshot),
    responseBounds: responseBoundsOf(snapshot.limits),
    hooks: null,
  };
  const rest = restOf(deployment);
  return {
    ...rest,
    snapshot: { ...rest.snapshot, table: compiled.table },
    plans: new Map([[route, plan]]),
    hooks: null,
    wantsTimes: false,
    planFor: () => plan,
  };
}

function routeTo(upstream: string): RouteDefinition {
  return {
    id: "context.fetch",
    match: NO_CONDITIONS,
    action: { kind: "upstream", upstream },
    rewrite: null,
    requestFields: NOTHING,
    responseFields: NOTHING,
    host: null,
    limits: {},
    timeouts: {},
    upgrade: false,
    hooks: null,
    isHooked: false,
  };
}
