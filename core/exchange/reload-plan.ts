/** What a reload changes, worked out before anything is touched: a pure function of the old and the new snapshot. */

import type { Route } from "../route/compile-route.ts";
import type { RouteDefinition } from "../route/route.ts";
import type { Address } from "../runtime.ts";
import type { Steps } from "../time/steps.ts";
import { isSame } from "./is-same.ts";
import type { ListenerDefinition, Snapshot } from "./snapshot.ts";

/** By name. What stays as it was is not mentioned. */
export interface Changes {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface ReloadChanges {
  /** A listener that is known by another name has changed; one with another address is another one. */
  readonly listeners: Changes;
  readonly upstreams: Changes;
  readonly routes: Changes;
  /** Whether anything beside them is different: limits, timeouts, forwarding, name servers, traces. */
  readonly settings: boolean;
}

export interface ReloadPlan {
  readonly changes: ReloadChanges;
  /** For each listener of the new snapshot the place of the old one whose socket it takes, or -1. */
  readonly listenersFrom: readonly number[];
  /** Places of old listeners nobody takes. */
  readonly listenersRemoved: readonly number[];
  /**
   * Whether requests on a route, of whatever snapshot, may go on for as long as they like: the new snapshot has one
   * with the same conditions and the same action. What it edits and allows may be different.
   */
  keepsRoute(route: Route): boolean;
}

/** `addresses`: where the current listeners really listen. */
export function* planningReload(
  current: Snapshot,
  next: Snapshot,
  addresses: readonly Address[] = current.listeners.map(({ address }) => address),
): Steps<ReloadPlan> {
  const listenersFrom = matchListeners(current.listeners, next.listeners, addresses);
  const taken = new Set(listenersFrom);
  const listenersRemoved = [...current.listeners.keys()].filter((place) => !taken.has(place));
  return {
    changes: {
      listeners: listenerChanges(current, next, listenersFrom),
      upstreams: yield* comparing(byName(current.upstreams), byName(next.upstreams)),
      routes: yield* comparingRoutes(current.table.routes, next.table.routes),
      settings: !(
        isSame(current.limits, next.limits) &&
        isSame(current.timeouts, next.timeouts) &&
        isSame(current.forwarding, next.forwarding) &&
        isSame(current.dns, next.dns) &&
        isSame(current.trace, next.trace)
      ),
    },
    listenersFrom,
    listenersRemoved,
    keepsRoute: routeKeeper(next.table.routes),
  };
}

/**
 * Whoever names a port means the listener that has it, though it was written as port 0. Several that are written so have
 * the same address: they are taken in order.
 */
function matchListeners(
  current: readonly ListenerDefinition[],
  next: readonly ListenerDefinition[],
  addresses: readonly Address[],
): number[] {
  const taken = new Set<number>();
  const take = (keys: readonly string[], wanted: string): number => {
    const place = keys.findIndex((key, each) => key === wanted && !taken.has(each));
    if (place !== -1) taken.add(place);
    return place;
  };
  const written = current.map(socketOf);
  const bound = current.map((listener, place) => socketOf(withPortOf(listener, addresses[place]!)));
  const named = next.map((listener) => (isAnyPort(listener) ? -1 : take(bound, socketOf(listener))));
  return named.map((place, index) => (place === -1 ? take(written, socketOf(next[index]!)) : place));
}

function isAnyPort({ address }: ListenerDefinition): boolean {
  return address.kind === "tcp" && address.port === 0;
}

function withPortOf(listener: ListenerDefinition, bound: Address): ListenerDefinition {
  const { address } = listener;
  if (address.kind === "unix" || bound.kind === "unix") return listener;
  return { ...listener, address: { ...address, port: bound.port } };
}

function socketOf({ address, reusePort }: ListenerDefinition): string {
  return `${reusePort} ${keyOfAddress(address)}`;
}

function keyOfAddress(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : `${address.host} ${address.port}`;
}

function listenerChanges(current: Snapshot, next: Snapshot, from: readonly number[]): Changes {
  const taken = new Set(from);
  const nameAt = (place: number): string | undefined => current.listeners[place]?.name;
  return {
    added: next.listeners.filter((_, index) => from[index] === -1).map(({ name }) => name),
    changed: next.listeners
      .filter(({ name }, index) => from[index] !== -1 && nameAt(from[index]!) !== name)
      .map(({ name }) => name),
    removed: current.listeners.filter((_, place) => !taken.has(place)).map(({ name }) => name),
  };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

function* comparing<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Steps<Changes> {
  const added: string[] = [];
  const changed: string[] = [];
  for (const [name, value] of after) {
    if (!before.has(name)) added.push(name);
    else if (!isSame(before.get(name), value)) changed.push(name);
    yield;
  }
  return { added, changed, removed: [...before.keys()].filter((name) => !after.has(name)) };
}

/**
 * A route without an id is called by its place, which moves when another is put before it. So those that say the same
 * are paired first, whatever they are called, and only what is left by its name.
 */
function* comparingRoutes(current: readonly Route[], next: readonly Route[]): Steps<Changes> {
  const before = new Map(current.map((route) => [route.id, route]));
  yield;
  const fresh: Route[] = [];
  for (const route of next) {
    const same = before.get(route.id);
    if (same === undefined || !isSame(same.definition, route.definition)) fresh.push(route);
    else before.delete(route.id);
    yield;
  }
  const unnamed = new Map<string, RouteDefinition[]>();
  if (fresh.length > 0) {
    for (const { definition } of before.values()) {
      const key = textOf(definition);
      const alike = unnamed.get(key);
      if (alike === undefined) unnamed.set(key, [definition]);
      else alike.push(definition);
      yield;
    }
  }
  const left = new Map<string, RouteDefinition>();
  for (const { id, definition } of fresh) {
    const moved = unnamed.size === 0 ? undefined : takeSame(unnamed.get(textOf(definition)), definition);
    if (moved === undefined || !before.delete(moved.id)) left.set(id, definition);
    yield;
  }
  return yield* comparing(new Map([...before.values()].map(({ id, definition }) => [id, definition])), left);
}

/** Texts say nothing of functions. */
function takeSame(alike: RouteDefinition[] | undefined, wanted: RouteDefinition): RouteDefinition | undefined {
  if (alike === undefined) return undefined;
  const place = alike.findIndex((each) => isSame({ ...each, id: "" }, { ...wanted, id: "" }));
  return place === -1 ? undefined : alike.splice(place, 1)[0];
}

function textOf(definition: RouteDefinition): string {
  return JSON.stringify({ ...definition, id: "" });
}

function routeKeeper(routes: readonly Route[]): (route: Route) => boolean {
  // Asked for the few routes that long requests are on; made when the first one asks.
  let kept: Set<string> | null = null;
  const known = new Map<Route, boolean>();
  return (route) => {
    let answer = known.get(route);
    if (answer === undefined) {
      kept ??= new Set(routes.map(purposeOf));
      answer = kept.has(purposeOf(route));
      known.set(route, answer);
    }
    return answer;
  };
}

function purposeOf({ definition }: Route): string {
  return JSON.stringify([definition.match, definition.action, definition.upgrade]);
}
