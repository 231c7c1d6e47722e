/** Route definitions and requests for tests: say only what matters. */

import { NO_CONDITIONS } from "../../../core/route/predicates.ts";
import type { PathPattern, RouteConditions, RouteDefinition } from "../../../core/route/route.ts";
import { compileTable, type RouteTable } from "../../../core/route/table.ts";
import type { VariableContext } from "../../../core/route/variables.ts";

export function route(
  id: string,
  match: Partial<RouteConditions>,
  more: Partial<RouteDefinition> = {},
): RouteDefinition {
  return {
    id,
    match: { ...NO_CONDITIONS, ...match },
    action: { kind: "upstream", upstream: "app" },
    rewrite: null,
    hooks: null,
    isHooked: false,
    requestFields: { set: [], add: [], remove: [] },
    responseFields: { set: [], add: [], remove: [] },
    host: null,
    limits: {},
    timeouts: {},
    upgrade: true,
    ...more,
  };
}

/** `/a` exact, `/a/*` prefix, `/a/:b` parameters, `~^/a` an expression. */
export function path(text: string): PathPattern {
  if (text.startsWith("~")) return { kind: "regex", source: text.slice(1) };
  if (text.includes("/:")) return { kind: "parameters", pattern: text };
  return text.endsWith("/*") ? { kind: "prefix", prefix: text.slice(0, -2) } : { kind: "exact", path: text };
}

export interface RequestParts {
  readonly host?: string;
  readonly method?: string;
  readonly query?: string;
  readonly clientAddress?: string;
  readonly listener?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function request(pathText: string, parts: RequestParts = {}): VariableContext {
  const headers = new Map(Object.entries(parts.headers ?? {}));
  return {
    host: parts.host ?? "a",
    method: parts.method ?? "GET",
    path: pathText,
    query: parts.query ?? "",
    pathIsPlain: !/[%;\\]|\/\/|\/\.\.?(?:\/|$)/.test(pathText),
    clientAddress: parts.clientAddress ?? "192.0.2.1",
    listener: parts.listener ?? "web",
    clientPort: 40_000,
    scheme: "http",
    requestId: "r1",
    upstreamAddress: "127.0.0.1:9001",
    header: (name) => headers.get(name) ?? null,
  };
}

/** The table, or an error that lists what is wrong with it. */
export function tableOf(...routes: readonly RouteDefinition[]): RouteTable {
  const compiled = compileTable(routes);
  if ("table" in compiled) return compiled.table;
  throw new Error(
    compiled.problems.map(({ route, path, message }) => `${route}.${path.join(".")}: ${message}`).join("\n"),
  );
}

export function problemsOf(...routes: readonly RouteDefinition[]): string[] {
  const compiled = compileTable(routes);
  return "table" in compiled ? [] : compiled.problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/** The id of the route taken, `-` for none, `400` for an ambiguous request. */
export function taken(table: RouteTable, asked: VariableContext): string {
  const match = table.match(asked);
  return match === null ? "-" : match === "ambiguous" ? "400" : match.route.id;
}
