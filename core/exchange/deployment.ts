/**
 * A snapshot at work: its groups with their connections, and what each route goes by, worked out once. A request
 * keeps the deployment it began with.
 */

import type { CycleRules } from "../h1/client-owner.ts";
import { type HeadBounds, requestBoundsOf, responseBoundsOf } from "../h1/parse-head.ts";
import { TrustedProxies } from "../http/client-address.ts";
import { POOL_IDLE_MAX, POOL_QUEUE_MAX, type Timeouts } from "../limits.ts";
import type { Route } from "../route/compile-route.ts";
import type { RouteAction } from "../route/route.ts";
import { compileTable, type RouteTable } from "../route/table.ts";
import type { HookSurroundings } from "../script/hook.ts";
import { HookRegistry, type HookSet } from "../script/hook-set.ts";
import { allAtOnce, type Steps } from "../time/steps.ts";
import type { Surroundings } from "../upstream/connections.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { Group } from "../upstream/group.ts";
import { Targets } from "../upstream/targets.ts";
import { isSame } from "./is-same.ts";
import type { Answer } from "./respond.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a request on one route goes by. */
export interface RoutePlan extends CycleRules {
  /** Null for a redirect or a fixed response. */
  readonly group: Group | null;
  /** Of a fixed response. */
  readonly answer: Answer | null;
  /** Null: none. */
  readonly hooks: HookSet | null;
}

export interface Deployment {
  readonly snapshot: Snapshot;
  readonly groups: ReadonlyMap<string, Group>;
  readonly plans: ReadonlyMap<Route, RoutePlan>;
  readonly trusted: TrustedProxies;
  readonly requestBounds: HeadBounds;
  /** Of requests that have no route yet; null: none. */
  readonly hooks: HookSet | null;
  readonly registry: HookRegistry;
  /** A hook is told how long requests took. */
  readonly wantsTimes: boolean;
  /** Servers in no list that hooks may choose; null: `allowTargets` allows none. */
  readonly targets: Targets | null;
  /** What requests on this route go by when a hook has chosen `group` for them. */
  planFor(route: Route, group: Group): RoutePlan;
}

/** What groups and hooks share. */
export interface DeploymentSurroundings extends Surroundings {
  readonly hooks: HookSurroundings;
}

/** The first one. */
export function deploy(snapshot: Snapshot, surroundings: DeploymentSurroundings): Deployment {
  return allAtOnce(deploying(snapshot, surroundings, null));
}

/** From the old groups to the new ones. Answers the servers that are gone. */
export function handOver(previous: Deployment, next: Deployment): ReadonlySet<Endpoint> {
  const gone: Endpoint[] = [];
  for (const [name, group] of previous.groups) {
    const successor = next.groups.get(name);
    if (successor === group) continue;
    gone.push(...group.endpoints.filter((endpoint) => !endpoint.isRetired));
    if (successor === undefined) group.retire();
  }
  for (const [name, group] of next.groups) if (previous.groups.get(name) !== group) group.takeOver();
  if (previous.targets !== next.targets) previous.targets?.leave();
  return new Set(gone.filter((endpoint) => endpoint.isRetired));
}

const { table: NO_ROUTES } = compileTable([]) as { readonly table: RouteTable };
const rests = new WeakMap<Deployment, Deployment>();

/**
 * What a response that has begun may yet ask of a deployment that was replaced. Tunnels and downloads go on for days and
 * many reloads: each would hold all routes, upstreams and hooks of another one.
 */
export function restOf(deployment: Deployment): Deployment {
  const known = rests.get(deployment);
  if (known !== undefined) return known;
  const snapshot = { ...deployment.snapshot, table: NO_ROUTES, upstreams: [] };
  const planFor = () => {
    throw new Error("a response that has begun was to go by another plan");
  };
  const registry = deployment.registry.none();
  const rest = { ...deployment, snapshot, groups: new Map(), plans: new Map(), registry, targets: null, planFor };
  rests.set(deployment, rest);
  rests.set(rest, rest);
  return rest;
}

/** After `previous`, in steps: upstreams that did not change are the very same groups, the others know whom they follow. */
export function* deploying(
  snapshot: Snapshot,
  surroundings: DeploymentSurroundings,
  previous: Deployment | null,
): Steps<Deployment> {
  const groups = new Map<string, Group>();
  for (const upstream of snapshot.upstreams) {
    const before = previous?.groups.get(upstream.name) ?? null;
    const stays = before !== null && isSame(before.definition, upstream);
    groups.set(upstream.name, stays ? before : new Group(upstream, surroundings, before));
    yield;
  }
  const registry = new HookRegistry(surroundings.hooks, previous?.registry ?? null);
  const hooks = registry.setOfAll(snapshot.hooks);
  const plans = new Map<Route, RoutePlan>();
  for (const route of snapshot.table.routes) {
    const limits = over(snapshot.limits, route.definition.limits);
    const group = route.upstreamName === "" ? null : (groups.get(route.upstreamName) ?? null);
    if (route.upstreamName !== "" && group === null)
      throw new Error(`route ${route.id} names no upstream of this snapshot`);
    plans.set(route, {
      group,
      answer: answerOf(route),
      limits,
      timeouts: timeoutsFor(route, group, snapshot),
      responseBounds: responseBoundsOf(limits),
      hooks: registry.setOfRoute(snapshot.hooks, route.definition.hooks, decideOf(route)),
    });
    yield;
  }
  registry.seal();
  return {
    snapshot,
    groups,
    plans,
    trusted: TrustedProxies.compile(snapshot.forwarding.trustedProxies),
    requestBounds: requestBoundsOf(snapshot.limits),
    hooks,
    registry,
    wantsTimes: registry.hooks.some(({ definition }) => definition.kind === "onFinish"),
    targets: targetsOf(snapshot, surroundings, previous?.targets ?? null),
    planFor: plannerOf(snapshot, plans),
  };
}

/** Those of before while they mean the same. */
function targetsOf(
  { allowTargets, timeouts }: Snapshot,
  surroundings: Surroundings,
  previous: Targets | null,
): Targets | null {
  if (allowTargets.length === 0) return null;
  const { poolIdleMs, queueMs } = timeouts;
  const pool = { idleMax: POOL_IDLE_MAX, idleMs: poolIdleMs, queueMax: POOL_QUEUE_MAX, queueMs };
  const stays = previous !== null && isSame(previous.allowed, allowTargets) && isSame(previous.pool, pool);
  return stays ? previous : new Targets(allowTargets, pool, surroundings);
}

/** Plans for groups that hooks choose: made when one is chosen, kept as long as the group is. */
function plannerOf(snapshot: Snapshot, plans: ReadonlyMap<Route, RoutePlan>): Deployment["planFor"] {
  const made = new WeakMap<Group, Map<Route, RoutePlan>>();
  return (route, group) => {
    const own = plans.get(route)!;
    if (own.group === group) return own;
    const ofGroup = made.get(group) ?? new Map<Route, RoutePlan>();
    made.set(group, ofGroup);
    let plan = ofGroup.get(route);
    if (plan === undefined) {
      plan = { ...own, group, timeouts: timeoutsFor(route, group, snapshot) };
      ofGroup.set(route, plan);
    }
    return plan;
  };
}

/** The route's word over the upstream's over the server's. */
export function timeoutsFor({ definition }: Route, group: Group | null, { timeouts }: Snapshot): Timeouts {
  if (group === null) return over(timeouts, definition.timeouts);
  const { connectMs, firstByteMs, idleMs } = group.definition.timeouts;
  const ofGroup = {
    ...(connectMs !== null && { connectMs }),
    ...(firstByteMs !== null && { firstByteMs }),
    ...(idleMs !== null && { responseIdleMs: idleMs }),
    ...(group.definition.pool.queueMs !== timeouts.queueMs && { queueMs: group.definition.pool.queueMs }),
  };
  return over(over(timeouts, ofGroup), definition.timeouts);
}

/** The very same where there is nothing to say: there may be ten thousand routes. */
function over<T extends object>(numbers: T, own: Partial<T>): T {
  return Object.keys(own).length === 0 ? numbers : { ...numbers, ...own };
}

function decideOf({ action }: Route): Extract<RouteAction, { kind: "target" }>["decide"] | null {
  return action.kind === "target" ? action.decide : null;
}

function answerOf({ action }: Route): Answer | null {
  if (action.kind !== "respond") return null;
  const { status, contentType } = action;
  return { status, contentType, body: new TextEncoder().encode(action.body), fields: [] };
}
