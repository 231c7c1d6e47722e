/**
 * A snapshot at work: its groups with their connections, and what each route goes by, worked out once. A request
 * keeps the deployment it began with.
 */

import type { CycleRules } from "../h1/client-owner.ts";
import type { HeadBounds } from "../h1/parse-head.ts";
import { TrustedProxies } from "../http/client-address.ts";
import type { Limits } from "../limits.ts";
import type { Route } from "../route/compile-route.ts";
import { allAtOnce, type Steps } from "../time/steps.ts";
import type { Surroundings } from "../upstream/connections.ts";
import { Group } from "../upstream/group.ts";
import { isSame } from "./is-same.ts";
import type { Answer } from "./respond.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a request on one route goes by. */
export interface RoutePlan extends CycleRules {
  /** Null for a redirect or a fixed response. */
  readonly group: Group | null;
  /** Of a fixed response. */
  readonly answer: Answer | null;
}

export interface Deployment {
  readonly snapshot: Snapshot;
  readonly groups: ReadonlyMap<string, Group>;
  readonly plans: ReadonlyMap<Route, RoutePlan>;
  readonly trusted: TrustedProxies;
  readonly requestBounds: HeadBounds;
}

/** After `previous`: upstreams that did not change are the very same groups, the others know whom they follow. */
export function deploy(snapshot: Snapshot, surroundings: Surroundings, previous: Deployment | null = null): Deployment {
  return allAtOnce(deploying(snapshot, surroundings, previous));
}

/** The same in steps. */
export function* deploying(
  snapshot: Snapshot,
  surroundings: Surroundings,
  previous: Deployment | null,
): Steps<Deployment> {
  const groups = new Map<string, Group>();
  for (const upstream of snapshot.upstreams) {
    const before = previous?.groups.get(upstream.name) ?? null;
    const stays = before !== null && isSame(before.definition, upstream);
    groups.set(upstream.name, stays ? before : new Group(upstream, surroundings, before));
    yield;
  }
  const trust = TrustedProxies.compile(snapshot.forwarding.trustedProxies);
  if ("problem" in trust) throw new Error(`trustedProxies[${trust.index}] ${trust.problem}`);
  const plans = new Map<Route, RoutePlan>();
  for (const route of snapshot.table.routes) {
    const limits = route.limits ?? snapshot.limits;
    const timeouts = route.timeouts ?? snapshot.timeouts;
    const group = route.upstreamName === "" ? null : (groups.get(route.upstreamName) ?? null);
    if (route.upstreamName !== "" && group === null)
      throw new Error(`route ${route.id} names no upstream of this snapshot`);
    plans.set(route, { group, answer: answerOf(route), limits, timeouts, responseBounds: responseBoundsOf(limits) });
    yield;
  }
  return { snapshot, groups, plans, trusted: trust.trusted, requestBounds: requestBoundsOf(snapshot.limits) };
}

function answerOf({ action }: Route): Answer | null {
  if (action.kind !== "respond") return null;
  const { status, contentType } = action;
  return { status, contentType, body: new TextEncoder().encode(action.body), fields: [] };
}

function requestBoundsOf(limits: Limits): HeadBounds {
  return {
    headBytesMax: limits.requestHeadBytesMax,
    fieldsMax: limits.requestFieldsMax,
    nameBytesMax: limits.fieldNameBytesMax,
    targetBytesMax: limits.targetBytesMax,
  };
}

function responseBoundsOf(limits: Limits): HeadBounds {
  return {
    headBytesMax: limits.responseHeadBytesMax,
    fieldsMax: limits.responseFieldsMax,
    nameBytesMax: limits.fieldNameBytesMax,
    targetBytesMax: 0,
  };
}
