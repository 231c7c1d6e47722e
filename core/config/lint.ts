/** What a configuration that is right was hardly meant to say: for `millrace check`. Warns only where it is certain. */

import ipaddr from "ipaddr.js";
import type { NamedCondition, PathPattern, RouteConditions, RouteDefinition } from "../route/route.ts";
import type { HookKind } from "../script/hooks.ts";
import type { CompiledConfig } from "./compile.ts";
import { isProgram } from "./hook-schema.ts";
import { type ConfigPath, type ConfigProblem, problemAt } from "./problem.ts";
import { repeatsRepeats } from "./regex-shape.ts";

/** `value` is what the configuration was compiled from; what it was warned of already is not said again. */
export function lintConfig({ snapshot, warnings }: CompiledConfig, value: unknown): ConfigProblem[] {
  const routes = snapshot.table.routes.map(({ definition }) => definition);
  const places = placesOf(value);
  const found = [
    ...shadowed(routes, places),
    ...neverMatching(routes, places),
    ...neverCalled(routes, places),
    ...bracesInPaths(routes, places),
    ...neverStripped(routes, places),
    ...suspiciousSettings(value),
    ...withoutDefault(
      routes,
      snapshot.listeners.map(({ name }) => name),
    ),
  ];
  const told = new Set(warnings.map(({ path }) => path.join("\0")));
  return found.filter(({ path }) => !told.has(path.join("\0")));
}

// ── routes that never win ────────────────────────────────────────────────────────────────────────────────────────

/** Where a route stands in the configuration, by its id. */
type Places = ReadonlyMap<string, number>;

/**
 * Routes of one host and path are asked one after the other: those that name methods first, then those with more
 * conditions, then as in the file. So only one that asks for the very same, and for no fewer methods, takes everything.
 */
function shadowed(routes: readonly RouteDefinition[], places: Places): ConfigProblem[] {
  const known = new Map<string, Takers>();
  const inFile = [...routes].sort((left, right) => placeOf(left, places) - placeOf(right, places));
  return inFile.flatMap((route) => {
    const { match } = route;
    const keys = (match.hosts.length === 0 ? ["*"] : match.hosts).flatMap((host) =>
      (match.paths.length === 0 ? ["/*"] : match.paths.map(pathKey)).map((path) => `${host} ${path}`),
    );
    const others = othersOf(match);
    const takers = keys.map((key) => {
      const place = `${key} ${others}`;
      const alike = known.get(place) ?? new Takers();
      known.set(place, alike);
      const taker = alike.takerOf(match.methods);
      alike.add(route);
      return taker === route ? null : taker;
    });
    const taken = takers.filter((taker) => taker !== null);
    if (taken.length === 0) return [];
    const isAll = taken.length === keys.length;
    const ids = [...new Set(taken.map(({ id }) => id))];
    const before = `${ids.join(", ")} ${ids.length === 1 ? "comes" : "come"} before it`;
    const what = isAll
      ? `never wins: ${before} and ${ids.length === 1 ? "takes" : "take"} all that it asks for`
      : `never wins for ${keys.filter((_, index) => takers[index] !== null).join(", ")}: ${before} there`;
    return [problemAt(["routes", placeOf(route, places)], `${what}; take one of the two out, or tell them apart`)];
  });
}

/** Routes that differ in methods only, in the order of the file. */
class Takers {
  #withoutMethod: RouteDefinition | null = null;
  readonly #byMethod = new Map<string, RouteDefinition[]>();

  add(route: RouteDefinition): void {
    const { methods } = route.match;
    if (methods.length === 0) this.#withoutMethod ??= route;
    for (const method of methods) {
      const alike = this.#byMethod.get(method);
      if (alike === undefined) this.#byMethod.set(method, [route]);
      else alike.push(route);
    }
  }

  /** The first that takes all of these methods. One that names none comes after those that do, and takes no turn of theirs. */
  takerOf(methods: readonly string[]): RouteDefinition | null {
    if (methods.length === 0) return this.#withoutMethod;
    let fewest: readonly RouteDefinition[] | null = null;
    for (const method of methods) {
      const alike = this.#byMethod.get(method) ?? [];
      if (fewest === null || alike.length < fewest.length) fewest = alike;
    }
    return fewest?.find(({ match }) => methods.every((method) => match.methods.includes(method))) ?? null;
  }
}

/** A `not` that asks for no more than the route itself refuses all it accepts. */
function neverMatching(routes: readonly RouteDefinition[], places: Places): ConfigProblem[] {
  return routes.flatMap((route) =>
    route.match.not.flatMap((not, index) => {
      if (!isWithin(route.match, not)) return [];
      const at = ["routes", placeOf(route, places), "match", "not", index];
      return [problemAt(at, "refuses every request that the rest of `match` accepts: the route never wins")];
    }),
  );
}

/** Whether everything that meets `match` meets `not`, as far as texts that are the same tell. */
function isWithin(match: RouteConditions, not: RouteConditions): boolean {
  const covers = (wide: readonly string[], narrow: readonly string[]): boolean =>
    wide.length === 0 || (narrow.length > 0 && narrow.every((each) => wide.includes(each)));
  return (
    covers(not.hosts, match.hosts) &&
    covers(not.paths.map(pathKey), match.paths.map(pathKey)) &&
    covers(not.methods, match.methods) &&
    covers(not.clients, match.clients) &&
    covers(not.listeners, match.listeners) &&
    not.headers.every((each) => match.headers.some((own) => namedKey(own) === namedKey(each))) &&
    not.query.every((each) => match.query.some((own) => namedKey(own) === namedKey(each)))
  );
}

function othersOf({ headers, query, clients, listeners, not }: RouteConditions): string {
  const sorted = (items: readonly string[]) => [...items].sort();
  return JSON.stringify([
    sorted(headers.map(namedKey)),
    sorted(query.map(namedKey)),
    sorted(clients),
    sorted(listeners),
    not,
  ]);
}

function pathKey(path: PathPattern): string {
  if (path.kind === "exact") return path.path;
  if (path.kind === "prefix") return `${path.prefix.replace(/\/$/, "")}/*`;
  // Parameters are called as one likes.
  return path.kind === "parameters" ? path.pattern.replaceAll(/:[^/]+/g, ":") : `regex ${path.source}`;
}

function namedKey({ name, value, regex }: NamedCondition): string {
  return JSON.stringify([name, value, regex]);
}

// ── hooks that never run ─────────────────────────────────────────────────────────────────────────────────────────

const WITHOUT_SERVER: readonly HookKind[] = ["onRequest", "onFinish"];

/** All but these are about servers, and nobody else asks one. */
function neverCalled(routes: readonly RouteDefinition[], places: Places): ConfigProblem[] {
  return routes.flatMap((route) => {
    const { kind } = route.action;
    if (kind === "upstream" || kind === "target") return [];
    const kinds = Object.keys(route.hooks ?? {}) as HookKind[];
    const idle = kinds.filter((each) => route.hooks?.[each] !== undefined && !WITHOUT_SERVER.includes(each));
    return idle.map((each) =>
      problemAt(
        ["routes", placeOf(route, places), "hooks", each],
        `never runs: \`${kind}\` asks no server; take it out`,
      ),
    );
  });
}

// ── texts that mean something else ───────────────────────────────────────────────────────────────────────────────

/** Braces stand in no path as it comes over the wire (RFC 3986 section 2): other programs mean a parameter by them. */
function bracesInPaths(routes: readonly RouteDefinition[], places: Places): ConfigProblem[] {
  return routes.flatMap((route) =>
    route.match.paths.flatMap((path) => {
      const [segment, name] = (path.kind === "regex" ? null : /\{([A-Za-z_]\w*)[^/]*\}/.exec(pathKey(path))) ?? [];
      if (segment === undefined) return [];
      const message = `${JSON.stringify(segment)} is text here; a parameter is written ":${name}"`;
      return [problemAt(["routes", placeOf(route, places), "match", "path"], message)];
    }),
  );
}

/** A prefix that none of a route's paths can begin with; hooks may change paths. */
function neverStripped(routes: readonly RouteDefinition[], places: Places): ConfigProblem[] {
  return routes.flatMap((route) => {
    const { match, rewrite } = route;
    if (rewrite?.kind !== "stripPrefix" || match.paths.length === 0 || route.isHooked) return [];
    if (!match.paths.every((path) => isApart(path, rewrite.prefix))) return [];
    const message = `no path of the route begins with ${JSON.stringify(rewrite.prefix)}: nothing is taken off`;
    return [problemAt(["routes", placeOf(route, places), "rewrite", "stripPrefix"], message)];
  });
}

function isApart(path: PathPattern, stripped: string): boolean {
  if (path.kind === "regex") return false;
  const text = path.kind === "exact" ? path.path : path.kind === "prefix" ? path.prefix : path.pattern;
  if (/[%;]/.test(text + stripped)) return false;
  const prefix = stripped.split("/").filter((segment) => segment !== "");
  const segments = text.split("/").filter((segment) => segment !== "");
  const differs = segments.findIndex((segment, index) => index >= prefix.length || segment !== prefix[index]);
  if (differs < 0) return path.kind === "exact" && segments.length < prefix.length;
  return differs < prefix.length && !/^[:*]/.test(segments[differs] ?? "");
}

// ── what surprises ───────────────────────────────────────────────────────────────────────────────────────────────

function withoutDefault(routes: readonly RouteDefinition[], listeners: readonly string[]): ConfigProblem[] {
  const asksNothing = ({ match }: RouteDefinition): boolean =>
    match.hosts.length + match.methods.length + match.headers.length + match.query.length === 0 &&
    match.clients.length + match.not.length === 0 &&
    (match.paths.length === 0 || match.paths.map(pathKey).includes("/*"));
  const defaults = routes.filter(asksNothing).map(({ match }) => match.listeners);
  const without = listeners.filter((name) => !defaults.some((named) => named.length === 0 || named.includes(name)));
  if (without.length === 0) return [];
  const where = without.length === listeners.length ? "" : ` on listener ${without.join(", ")}`;
  const right = "add a route without `match`, such as { respond: { status: 404 } }, to say what they get";
  return [
    problemAt(["routes"], `no route takes what the others don't${where}: such requests are answered 404; ${right}`),
  ];
}

/** Anything that relaxes what is strict by default, and expressions that are slow, wherever they stand. */
function suspiciousSettings(value: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  forEachSetting(value, [], (path, key, inner) => {
    if (/^unsafe[A-Z]/.test(key) && inner !== false && inner !== "false")
      problems.push(problemAt(path, "is on, which gives up a safety that is there by default"));
    if (BLOCKS.has(key)) problems.push(...strayBits(inner, path));
    if (key !== "regex" || typeof inner !== "string" || !repeatsRepeats(inner)) return;
    const why = "repeats what repeats already: linear here, exponential in engines that backtrack";
    problems.push(problemAt(path, `${why}; write it with one repetition, for example (a+)+ as a+`));
  });
  return problems;
}

/** In these stand blocks of addresses. */
const BLOCKS: ReadonlySet<string> = new Set(["trustedProxies", "allowTargets", "client"]);

/** `10.0.0.1/8` is `10.0.0.0/8`, which hardly anybody means who writes an address. */
function strayBits(blocks: unknown, at: ConfigPath): ConfigProblem[] {
  return [blocks].flat().flatMap((block, index) => {
    if (typeof block !== "string" || !ipaddr.isValidCIDR(block)) return [];
    const bits = block.slice(block.indexOf("/"));
    const kind = block.includes(":") ? ipaddr.IPv6 : ipaddr.IPv4;
    const network = kind.networkAddressFromCIDR(block);
    if (network.toString() === ipaddr.parse(block.slice(0, -bits.length)).toString()) return [];
    const message = `${JSON.stringify(block)} is all of ${network}${bits}; write that, or the one address without ${bits}`;
    return [problemAt(Array.isArray(blocks) ? [...at, index] : at, message)];
  });
}

/** In these, keys are names that somebody has given to upstreams, fields and parameters. */
const HOLD_NAMES: ReadonlySet<unknown> = new Set(["upstreams", "header", "query", "set", "add"]);

function forEachSetting(
  value: unknown,
  at: ConfigPath,
  visit: (path: ConfigPath, key: string, inner: unknown) => void,
): void {
  if (typeof value !== "object" || value === null || isProgram(value)) return;
  const isSettings = !Array.isArray(value) && !HOLD_NAMES.has(at.at(-1));
  for (const [key, inner] of Object.entries(value)) {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    if (isSettings) visit(path, key, inner);
    forEachSetting(inner, path, visit);
  }
}

function placesOf(value: unknown): Places {
  const routes: unknown = typeof value === "object" && value !== null && "routes" in value ? value.routes : [];
  const list = Array.isArray(routes) ? routes : [];
  return new Map(
    list.map((route: { readonly id?: unknown } | null, index) => [String(route?.id ?? `routes[${index}]`), index]),
  );
}

function placeOf({ id }: RouteDefinition, places: Places): number {
  return places.get(id) ?? 0;
}
