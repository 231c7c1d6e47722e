/**
 * Which route a request takes. Compiled once per configuration, never changed.
 *
 * Precedence, whatever the order in the file: host (exact, longer wildcard, any), then path (exact,
 * parameters, longest prefix, expression in file order, none), then routes that name a method, then the
 * number of further conditions, then file order. A route that doesn't accept the request gives way to the
 * next, within the host and then at the next host.
 *
 * Look-up costs one map access per label of the host and segment of the path, however many routes there are.
 */

import { type PathReading, type PathRefusal, readPath } from "../http/path.ts";
import { allAtOnce, type Steps } from "../time/steps.ts";
import { compileRoute, type Route, type RouteMatch } from "./compile-route.ts";
import { ANY_HOST, compareHosts, HostIndex, type HostPattern } from "./hosts.ts";
import {
  CANNOT_TELL,
  type CompiledPath,
  capturesOf,
  comparePaths,
  EVERY_PATH,
  HOLDS,
  type PathEntry,
  PathIndex,
  type Reading,
  type Verdict,
} from "./paths.ts";
import { allHold, type CompiledConditions, compileConditions } from "./predicates.ts";
import type { RouteDefinition, RouteRequest } from "./route.ts";

export interface RouteProblem {
  /** Index into the definitions. */
  readonly route: number;
  /** Into the definition: `["match", "paths", 0]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type CompiledTable = { readonly table: RouteTable } | { readonly problems: readonly RouteProblem[] };

export function compileTable(definitions: readonly RouteDefinition[]): CompiledTable {
  return allAtOnce(compilingTable(definitions));
}

export function* compilingTable(definitions: readonly RouteDefinition[]): Steps<CompiledTable> {
  const problems: RouteProblem[] = [];
  const entries: Entry[] = [];
  for (const [index, definition] of definitions.entries()) {
    const report = (path: readonly (string | number)[], message: string) => {
      problems.push({ route: index, path, message });
    };
    const conditions = compileConditions(definition.match, (path, message) => report(["match", ...path], message));
    const paths = conditions.paths.length === 0 ? [EVERY_PATH] : conditions.paths;
    entries.push(...entriesOf({ route: compileRoute(definition, paths, report), conditions, index }, paths));
    yield;
  }
  if (problems.length > 0) return { problems };
  entries.sort(comparePlaces);
  yield;
  const literal = yield* indexing(entries, "literal");
  const decoded = entries.every(({ path }) => readsTheSame(path)) ? literal : yield* indexing(entries, "decoded");
  yield;
  return { table: new RouteTable(entries, literal, decoded) };
}

export class RouteTable {
  /** In precedence order, by the best host and path of each. */
  readonly routes: readonly Route[];
  /** The answer to everything where the first route in precedence asks for nothing. */
  readonly #always: RouteMatch | null;
  readonly #literal: Index;
  /** The same object when no pattern reads differently when decoded. */
  readonly #decoded: Index;
  readonly #needsHost: boolean;
  readonly #needsPath: boolean;

  /** `entries` in precedence order. */
  constructor(entries: readonly Entry[], literal: Index, decoded: Index) {
    this.routes = Object.freeze([...new Set(entries.map((entry) => entry.match.route))]);
    const first = entries[0];
    this.#always = first?.isUnconditional === true ? first.match : null;
    this.#literal = literal;
    this.#decoded = decoded;
    this.#needsHost = entries.some((entry) => entry.host.kind !== "any");
    this.#needsPath = entries.some((entry) => entry.path.kind !== "every" || entry.conditions.notNeedsPath);
  }

  /**
   * Null when no route accepts the request. "ambiguous" when the path, or a field a condition asks for, can be
   * read in ways that lead to different routes: the request is refused. `reading` spares reading the path again.
   */
  match(request: RouteRequest, reading?: PathReading): RouteMatch | null | "ambiguous" {
    if (this.#always !== null) return this.#always;
    if (!this.#needsPath) return this.#search(this.#literal, request, "", "literal");
    if (request.pathIsPlain) return this.#search(this.#literal, request, request.path, "literal");
    const read: PathReading | PathRefusal = reading ?? readPath(request.path);
    if ("refused" in read) return "ambiguous";
    const found = this.#search(this.#literal, request, read.literal, "literal");
    if (read.literal === read.decoded) return found;
    const other = this.#search(this.#decoded, request, read.decoded, "decoded");
    return routeOf(found) === routeOf(other) ? found : "ambiguous";
  }

  /** As `match`, by one reading of the path alone: to tell why a path that has two is refused. */
  matchReading(request: RouteRequest, path: string, reading: Reading): RouteMatch | null | "ambiguous" {
    return this.#always ?? this.#search(reading === "literal" ? this.#literal : this.#decoded, request, path, reading);
  }

  #search(index: Index, request: RouteRequest, path: string, reading: Reading): RouteMatch | null | "ambiguous" {
    const found = this.#needsHost ? findByHost(index, request, path) : (index.any?.find(request, path) ?? null);
    if (found === null) return null;
    return found === CANNOT_TELL ? "ambiguous" : found.matchOf(path, reading);
  }
}

type Index = HostIndex<PathIndex<Entry>>;

interface RouteWithConditions {
  readonly route: Route;
  readonly conditions: CompiledConditions;
  /** Place in the file. */
  readonly index: number;
}

/** One host and one path of a route: its place in the index. */
class Entry implements PathEntry {
  readonly host: HostPattern;
  readonly path: CompiledPath;
  readonly conditions: CompiledConditions;
  readonly index: number;
  readonly match: RouteMatch;

  constructor({ route, conditions, index }: RouteWithConditions, host: HostPattern, path: CompiledPath) {
    this.host = host;
    this.path = path;
    this.conditions = conditions;
    this.index = index;
    this.match = Object.freeze({ route, names: path.names, captures: null });
  }

  get isUnconditional(): boolean {
    return this.host.kind === "any" && this.path.kind === "every" && this.conditions.others.length === 0;
  }

  accepts(request: RouteRequest, path: string, reading: Reading): Verdict {
    const { others } = this.conditions;
    return others.length === 0 ? HOLDS : allHold(others, request, path, reading);
  }

  /** Made for the request only when the route uses what its path captures. */
  matchOf(path: string, reading: Reading): RouteMatch {
    const { route, names } = this.match;
    if (!route.usesCaptures || names.length === 0) return this.match;
    return { route, names, captures: capturesOf(this.path, path, reading) };
  }
}

function entriesOf(compiled: RouteWithConditions, paths: readonly CompiledPath[]): Entry[] {
  const { hosts } = compiled.conditions;
  return (hosts.length === 0 ? [ANY_HOST] : hosts).flatMap((host) =>
    paths.map((path) => new Entry(compiled, host, path)),
  );
}

function comparePlaces(left: Entry, right: Entry): number {
  const byPattern = compareHosts(left.host, right.host) || comparePaths(left.path, right.path);
  if (byPattern !== 0) return byPattern;
  if (left.path.kind === "regex") return left.index - right.index;
  return (
    Number(right.conditions.methods.length > 0) - Number(left.conditions.methods.length > 0) ||
    right.conditions.count - left.conditions.count ||
    left.index - right.index
  );
}

function* indexing(entries: readonly Entry[], reading: Reading): Steps<Index> {
  const index: Index = new HostIndex();
  for (const entry of entries) {
    index.entry(entry.host, () => new PathIndex(reading)).add(entry.path, entry);
    yield;
  }
  return index;
}

function findByHost(index: Index, request: RouteRequest, path: string): Entry | null | typeof CANNOT_TELL {
  const host = request.host;
  let found = index.exact(host)?.find(request, path) ?? null;
  if (found === null && index.hasWildcards) {
    // A wildcard stands for at least one character: the first dot looked at is behind it.
    for (let dot = host.indexOf(".", 1); dot >= 0 && found === null; dot = host.indexOf(".", dot + 1)) {
      found = index.wildcard(host.slice(dot))?.find(request, path) ?? null;
    }
  }
  return found ?? index.any?.find(request, path) ?? null;
}

function readsTheSame(path: CompiledPath): boolean {
  if (path.kind === "exact") return path.text.literal === path.text.decoded;
  if (path.kind !== "ends" && path.kind !== "rests") return true;
  const { literal, decoded } = path.segments;
  return literal.length === decoded.length && literal.every((segment, place) => segment === decoded[place]);
}

function routeOf(match: RouteMatch | null | "ambiguous"): Route | null | "ambiguous" {
  return match === null || match === "ambiguous" ? match : match.route;
}
