/** One route of the configuration as the plain data that `route/table.ts` compiles, and the way back for its problems. */

import type { Limits } from "../limits.ts";
import { placeOfCode } from "../route/compile-route.ts";
import type {
  FieldEdits,
  NamedCondition,
  PathPattern,
  PathRewrite,
  RouteAction,
  RouteConditions,
  RouteDefinition,
} from "../route/route.ts";
import type { SourceOf } from "../script/hooks.ts";
import { defineHook, defineHooks, handlerOf } from "./hook-schema.ts";
import { inMs } from "./number-schema.ts";
import type { ConfigPath } from "./problem.ts";
import type { ParsedRoute } from "./route-schema.ts";

type ParsedMatch = ParsedRoute["match"];
type ParsedConditions = Omit<ParsedMatch, "not">;
type ParsedEdits = NonNullable<ParsedRoute["request"]>;
type ParsedNamed = NonNullable<ParsedMatch["header"]>;

/**
 * `route` has exactly one action and at most one rewrite; `cross-checks.ts` has seen to that. `isHooked`: hooks of the
 * whole configuration see its requests.
 */
export function defineRoute(route: ParsedRoute, index: number, isHooked: boolean, sourceOf: SourceOf): RouteDefinition {
  const id = routeId(route, index);
  return {
    id,
    match: { ...conditionsOf(route.match), not: (route.match.not ?? []).map(conditionsOf) },
    action: actionOf(route, id, sourceOf),
    rewrite: rewriteOf(route.rewrite),
    requestFields: editsOf(route.request),
    responseFields: editsOf(route.response),
    host: route.host ?? null,
    limits: limitsOf(route.limits),
    timeouts: given(inMs(route.timeouts ?? {})),
    upgrade: route.upgrade,
    hooks: defineHooks(route.hooks, placeOfCode(id), sourceOf),
    isHooked: [route.hooks, route.target, route.mount].some((code) => code !== undefined) || isHooked,
  };
}

function limitsOf(limits: ParsedRoute["limits"] = {}): Partial<Limits> {
  return given({
    responseHeadBytesMax: limits.responseHead,
    responseFieldsMax: limits.responseFields,
    interimResponsesMax: limits.interimResponses,
    requestBodyBytesMax: limits.requestBody,
    replayBytesMax: limits.replay,
    rateBytesPerSecondMin: limits.minimumRate,
  });
}

function given<K extends string>(numbers: Readonly<Record<K, number | undefined>>): Partial<Record<K, number>> {
  const entries = Object.entries<number | undefined>(numbers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<Record<K, number>>;
}

export function routeId(route: { readonly id?: string | undefined }, index: number): string {
  return route.id ?? `routes[${index}]`;
}

/** Where in the configuration a part of the definition was written: `match.hosts[0]` was `match.host[0]`. */
export function configPathOf(route: ParsedRoute, routeIndex: number, definitionPath: ConfigPath): ConfigPath {
  const [first, second, index, ...rest] = definitionPath;
  const at = ["routes", routeIndex];
  if (first === "rewrite") {
    if (route.rewrite?.stripPrefix !== undefined) return [...at, "rewrite", "stripPrefix"];
    return route.rewrite?.path !== undefined ? [...at, "rewrite", "path"] : [...at, "rewrite", "pattern", second ?? ""];
  }
  if (first === "action") return [...at, "redirect", second ?? ""];
  const named = namesIn(route, first, second);
  if (named === null || typeof index !== "number") return [...at, ...renamed(definitionPath)];
  return [...at, ...renamed([first ?? "", second ?? ""]), named[index] ?? "", ...(first === "match" ? rest : [])];
}

/** Maps of the configuration that became lists: the names, in the same order. */
function namesIn(
  route: ParsedRoute,
  first: string | number | undefined,
  second: string | number | undefined,
): string[] | null {
  if (first === "match") {
    if (second === "headers") return Object.keys(route.match.header ?? {});
    return second === "query" ? Object.keys(route.match.query ?? {}) : null;
  }
  const edits = first === "requestFields" ? route.request : first === "responseFields" ? route.response : undefined;
  if (second === "set") return Object.keys(edits?.set ?? {});
  if (second !== "add") return null;
  return Object.entries(edits?.add ?? {}).flatMap(([name, values]) => values.map(() => name));
}

const RENAMED: ReadonlyMap<string, string> = new Map([
  ["hosts", "host"],
  ["paths", "path"],
  ["methods", "method"],
  ["headers", "header"],
  ["clients", "client"],
  ["listeners", "listener"],
  ["requestFields", "request"],
  ["responseFields", "response"],
]);

function renamed(path: ConfigPath): ConfigPath {
  const [first, ...rest] = path;
  if (first === undefined) return [];
  if (typeof first === "string") return [RENAMED.get(first) ?? first, ...renamed(rest)];
  return [first, ...renamed(rest)];
}

function conditionsOf(match: ParsedConditions): RouteConditions {
  return {
    hosts: match.host ?? [],
    paths: (match.path ?? []).map(pathOf),
    methods: match.method ?? [],
    headers: namedOf(match.header, (name) => name.toLowerCase()),
    query: namedOf(match.query, (name) => name),
    clients: match.client ?? [],
    listeners: match.listener ?? [],
    not: [],
  };
}

function pathOf(path: string | { readonly regex: string }): PathPattern {
  if (typeof path !== "string") return { kind: "regex", source: path.regex };
  if (path.includes("/:")) return { kind: "parameters", pattern: path };
  if (path.endsWith("/*")) return { kind: "prefix", prefix: path === "/*" ? "/" : path.slice(0, -2) };
  return { kind: "exact", path };
}

function namedOf(named: ParsedNamed | undefined, nameOf: (name: string) => string): NamedCondition[] {
  return Object.entries(named ?? {}).map(([name, value]) => {
    if (value === true) return { name: nameOf(name), value: null, regex: false };
    if (typeof value === "string") return { name: nameOf(name), value, regex: false };
    return { name: nameOf(name), value: value.regex, regex: true };
  });
}

function rewriteOf(rewrite: ParsedRoute["rewrite"]): PathRewrite | null {
  if (rewrite?.stripPrefix !== undefined) return { kind: "stripPrefix", prefix: rewrite.stripPrefix };
  if (rewrite?.path !== undefined) return { kind: "replace", to: rewrite.path };
  if (rewrite?.pattern !== undefined) return { kind: "pattern", ...rewrite.pattern };
  return null;
}

function editsOf(edits: ParsedEdits | undefined): FieldEdits {
  return {
    set: Object.entries(edits?.set ?? {}).map(([name, value]) => ({ name, value })),
    add: Object.entries(edits?.add ?? {}).flatMap(([name, values]) => values.map((value) => ({ name, value }))),
    remove: (edits?.remove ?? []).map((name) => name.toLowerCase()),
  };
}

function actionOf(route: ParsedRoute, id: string, sourceOf: SourceOf): RouteAction {
  if (route.target !== undefined)
    return { kind: "target", decide: defineHook("decide", route.target, `${placeOfCode(id)}.target`, sourceOf) };
  if (route.mount !== undefined)
    return { kind: "mount", handler: handlerOf(route.mount), source: sourceOf(route.mount) };
  if (route.upstream !== undefined) return { kind: "upstream", upstream: route.upstream };
  if (route.redirect !== undefined) return { kind: "redirect", ...route.redirect };
  const respond = route.respond ?? { status: 404, body: "", contentType: "text/plain; charset=utf-8" };
  return { kind: "respond", ...respond };
}
