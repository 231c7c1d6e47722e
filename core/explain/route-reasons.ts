/**
 * Why routes were not taken. Each condition is asked for itself, by the same table that routes requests, so that the
 * reasons can't say anything else than the choice.
 */

import type { NamedCondition, PathPattern, RouteConditions, RouteDefinition, RouteRequest } from "../route/route.ts";
import { compileTable, type RouteTable } from "../route/table.ts";

export interface RejectedRoute {
  readonly id: string;
  /** What of its conditions does not hold; empty: all hold, but the chosen one comes before it. */
  readonly failing: readonly string[];
}

/** In the order they are asked. `chosen` is the id of the one that was taken, `""` when none was. */
export function rejectedRoutes(table: RouteTable, chosen: string, request: RouteRequest): RejectedRoute[] {
  return table.routes.flatMap(({ definition }) =>
    definition.id === chosen ? [] : [{ id: definition.id, failing: failingConditions(definition, request) }],
  );
}

const ANYTHING: RouteConditions = {
  hosts: [],
  paths: [],
  methods: [],
  headers: [],
  query: [],
  clients: [],
  listeners: [],
  not: [],
};

function failingConditions(route: RouteDefinition, request: RouteRequest): string[] {
  const { match } = route;
  const failing: string[] = [];
  const ask = (part: Partial<RouteConditions>, wants: string, has: string): boolean => {
    const isSo = holds(route, { ...ANYTHING, ...part }, request);
    if (!isSo) failing.push(`wants ${wants}, got ${has}`);
    return isSo;
  };
  // Of ten thousand sites nearly all are another's: nothing else about them is of interest.
  const isHost =
    match.hosts.length === 0 || ask({ hosts: match.hosts }, `host ${anyOf(match.hosts)}`, request.host || "none");
  if (!isHost) return failing;
  if (match.paths.length > 0) ask({ paths: match.paths }, `path ${anyOf(match.paths.map(pathText))}`, request.path);
  if (match.methods.length > 0) ask({ methods: match.methods }, `method ${anyOf(match.methods)}`, request.method);
  for (const one of match.headers)
    ask({ headers: [one] }, `header ${namedText(one)}`, request.header(one.name) === null ? "none" : "another value");
  for (const one of match.query)
    ask({ query: [one] }, `query ${namedText(one)}`, request.query === "" ? "none" : request.query);
  if (match.clients.length > 0)
    ask({ clients: match.clients }, `client ${anyOf(match.clients)}`, request.clientAddress);
  if (match.listeners.length > 0)
    ask({ listeners: match.listeners }, `listener ${anyOf(match.listeners)}`, request.listener);
  for (const [index, one] of match.not.entries())
    if (!holds(route, { ...ANYTHING, not: [one] }, request)) failing.push(`not[${index}] of it holds`);
  return failing;
}

/** Whether a request meets some of a route's conditions. */
function holds(route: RouteDefinition, match: RouteConditions, request: RouteRequest): boolean {
  const nothing = { set: [], add: [], remove: [] };
  const bare: RouteDefinition = {
    ...route,
    match,
    action: { kind: "respond", status: 200, body: "", contentType: "" },
    rewrite: null,
    host: null,
    requestFields: nothing,
    responseFields: nothing,
  };
  const compiled = compileTable([bare]);
  if ("problems" in compiled) return false;
  const found = compiled.table.match(request);
  return found !== null && found !== "ambiguous";
}

const SHOWN_MAX = 5;

function anyOf(texts: readonly string[]): string {
  const shown = texts.slice(0, SHOWN_MAX).join(" or ");
  return texts.length > SHOWN_MAX ? `${shown} or ${texts.length - SHOWN_MAX} more` : shown;
}

export function pathText(path: PathPattern): string {
  if (path.kind === "exact") return path.path;
  if (path.kind === "prefix") return `${path.prefix.replace(/\/$/, "")}/*`;
  return path.kind === "parameters" ? path.pattern : `matching ${path.source}`;
}

function namedText({ name, value, regex }: NamedCondition): string {
  return value === null ? name : `${name}${regex ? " matching " : ": "}${value}`;
}
