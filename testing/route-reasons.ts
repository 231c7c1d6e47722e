import type { Snapshot } from "../core/exchange/snapshot.ts";
import { isPlainPath } from "../core/http/path.ts";
import type {
  NamedCondition,
  PathPattern,
  RouteConditions,
  RouteDefinition,
  RouteRequest,
} from "../core/route/route.ts";
import { compileTable } from "../core/route/table.ts";
import { DEFAULT_CLIENT, fieldsOf, parseRequestLine, type RequestOptions } from "./request-line.ts";

/**
 * Why routes were not taken, one line each, in the order they are asked. Each condition is asked for itself, by the
 * same table that routes requests. Hooks that rewrite a request before it is routed are not run for this.
 */
export function routeReasons(
  { table, listeners }: Snapshot,
  chosen: string,
  line: string,
  options: RequestOptions,
): string[] {
  const request = routeRequest(line, options, listeners[0]?.name ?? "");
  return table.routes.flatMap(({ definition }) => {
    if (definition.id === chosen) return [];
    const failing = failingConditions(definition, request);
    const why = failing.length > 0 ? failing.join("; ") : `matches too, but ${chosen} comes before it`;
    return [`route ${definition.id}: ${why}`];
  });
}

function routeRequest(line: string, options: RequestOptions, listener: string): RouteRequest {
  const { method, authority, target } = parseRequestLine(line);
  const fields = fieldsOf(options.headers);
  const valuesOf = (name: string): string[] =>
    fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  const host = valuesOf("host")[0] ?? authority;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    host: host
      .replace(/:[0-9]*$/, "")
      .replace(/\.$/, "")
      .toLowerCase(),
    method,
    path,
    query: mark < 0 ? "" : target.slice(mark + 1),
    pathIsPlain: isPlainPath(path),
    clientAddress: options.client ?? DEFAULT_CLIENT,
    listener: options.listener ?? listener,
    header: (name) => (name === "host" ? host : valuesOf(name).join(", ") || null),
  };
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
  const ask = (part: Partial<RouteConditions>, wants: string, has: string): void => {
    if (!holds(route, { ...ANYTHING, ...part }, request)) failing.push(`wants ${wants}, got ${has}`);
  };
  ask({ hosts: match.hosts }, `host ${match.hosts.join(" or ")}`, request.host || "none");
  ask({ paths: match.paths }, `path ${match.paths.map(pathText).join(" or ")}`, request.path);
  ask({ methods: match.methods }, `method ${match.methods.join(" or ")}`, request.method);
  for (const one of match.headers)
    ask({ headers: [one] }, `header ${namedText(one)}`, request.header(one.name) ?? "none");
  for (const one of match.query) ask({ query: [one] }, `query ${namedText(one)}`, request.query || "none");
  ask({ clients: match.clients }, `client ${match.clients.join(" or ")}`, request.clientAddress);
  ask({ listeners: match.listeners }, `listener ${match.listeners.join(" or ")}`, request.listener);
  for (const one of match.not) {
    if (!holds(route, { ...ANYTHING, not: [one] }, request)) failing.push("its not: holds");
  }
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

function pathText(path: PathPattern): string {
  if (path.kind === "exact") return path.path;
  if (path.kind === "prefix") return `${path.prefix}/*`;
  return path.kind === "parameters" ? path.pattern : `matching ${path.source}`;
}

function namedText({ name, value, regex }: NamedCondition): string {
  return value === null ? name : `${name}${regex ? " matching " : ": "}${value}`;
}
