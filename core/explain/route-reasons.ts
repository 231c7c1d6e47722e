/**
 * Why routes were not taken. Each condition is asked for itself, by the functions of which the table is made, on each
 * reading of the path. That reasons and choice agree is tested with random tables.
 */

import { hostMatches } from "../route/hosts.ts";
import { CANNOT_TELL, FAILS, HOLDS, pathMatches, pathText, type Reading, type Verdict } from "../route/paths.ts";
import { allHold, anyHolds, compileConditions, NO_CONDITIONS } from "../route/predicates.ts";
import type { NamedCondition, RouteConditions, RouteDefinition, RouteRequest } from "../route/route.ts";
import type { RouteTable } from "../route/table.ts";
import { type PathRead, readingsOf, routeIdOf } from "./path-readings.ts";

export interface RejectedRoute {
  readonly id: string;
  /** What of its conditions does not hold; empty: all hold, but the chosen one comes before it. */
  readonly failing: readonly string[];
}

/** What a reason begins with where the path's two readings differ. */
export const READ_AS = "read as ";

/**
 * In the order they are asked. `chosen` is the id of the one that was taken, `""` when none was. Empty when the path is
 * refused before routes are looked at.
 */
export function rejectedRoutes(table: RouteTable, chosen: string, request: RouteRequest): RejectedRoute[] {
  const readings = readingsOf(request).map((read) => ({
    ...read,
    winner: chosen === "" ? routeIdOf(table, request, read) : chosen,
  }));
  if (readings.length === 0) return [];
  return table.routes.flatMap(({ definition }) =>
    definition.id === chosen ? [] : [{ id: definition.id, failing: reasonsOf(definition, request, readings) }],
  );
}

const UNREADABLE = "what is there is no UTF-8, or too long for an expression";
const UNTOLD = "of a route before it nobody can tell whether it does";

/** A reading, and the route it leads to. */
interface Read extends PathRead {
  readonly winner: string | null;
}

function reasonsOf(route: RouteDefinition, request: RouteRequest, readings: readonly Read[]): string[] {
  const conditions = conditionsOf(route.match, request);
  const verdicts = readings.map(({ path, reading }) => conditions.map(({ judge }) => judge(request, path, reading)));
  const winners = new Set(readings.map(({ winner }) => winner));
  // `table.match` stops at the first route of which it can't be told.
  const textOf = (winner: string | null): string => {
    if (winner === route.id) return "it would be taken";
    return winner === "ambiguous" ? `matches, but ${UNTOLD}` : `matches, but ${winner} comes before it`;
  };
  const isAlike = verdicts.every((each) => each.every((verdict, place) => verdict === verdicts[0]?.[place]));
  const isMet = verdicts[0]?.every((verdict) => verdict === HOLDS) ?? true;
  if (isAlike && (!isMet || winners.size === 1)) {
    const path = readings.map((read) => read.path).join(", also read as ");
    return isMet && winners.has("ambiguous") ? [textOf("ambiguous")] : failuresOf(conditions, verdicts[0] ?? [], path);
  }
  return readings.map(({ path, winner }, place) => {
    const failures = failuresOf(conditions, verdicts[place] ?? [], path);
    return `${READ_AS}${path}: ${failures.length > 0 ? failures.join(", ") : textOf(winner)}`;
  });
}

function failuresOf(conditions: readonly Condition[], verdicts: readonly Verdict[], path: string): string[] {
  return conditions.flatMap(({ wants, has }, place) => {
    const got = has ?? path;
    if (verdicts[place] === FAILS) return [got === "" ? wants : `wants ${wants}, got ${got}`];
    return verdicts[place] === CANNOT_TELL ? [`nobody can tell whether it has ${wants}: ${UNREADABLE}`] : [];
  });
}

/** One thing a route asks for. */
interface Condition {
  readonly wants: string;
  /** What of the request it looks at; null: the path. */
  readonly has: string | null;
  judge(request: RouteRequest, path: string, reading: Reading): Verdict;
}

function conditionsOf(match: RouteConditions, request: RouteRequest): Condition[] {
  const { hosts, paths, methods, clients, listeners } = match;
  const host = condition({ hosts }, `host ${anyOf(hosts)}`, request.host || "none");
  // Of ten thousand sites nearly all are another's: nothing else about them is of interest.
  if (hosts.length > 0 && host.judge(request, "", "literal") === FAILS) return [host];
  const conditions = hosts.length > 0 ? [host] : [];
  if (paths.length > 0) conditions.push(condition({ paths }, `path ${anyOf(paths.map(pathText))}`, null));
  if (methods.length > 0) conditions.push(condition({ methods }, `method ${anyOf(methods)}`, request.method));
  // Of several with one name any one is enough.
  for (const headers of byName(match.headers)) {
    const has = request.header(headers[0]!.name) === null ? "none" : "another value";
    conditions.push(condition({ headers }, `header ${namedText(headers)}`, has));
  }
  for (const query of byName(match.query))
    conditions.push(condition({ query }, `query ${namedText(query)}`, request.query || "none"));
  if (clients.length > 0) conditions.push(condition({ clients }, `client ${anyOf(clients)}`, request.clientAddress));
  if (listeners.length > 0)
    conditions.push(condition({ listeners }, `listener ${anyOf(listeners)}`, request.listener || "none"));
  for (const [index, one] of match.not.entries())
    conditions.push(condition({ not: [one] }, `not[${index}] of it holds: ${conditionsText(one)}`, ""));
  return conditions;
}

function condition(part: Partial<RouteConditions>, wants: string, has: string | null): Condition {
  // What is wrong with a condition was said when the table was compiled.
  const { hosts, paths, others } = compileConditions({ ...NO_CONDITIONS, ...part }, () => {});
  return {
    wants,
    has,
    judge(request, path, reading) {
      if (hosts.length > 0) return hosts.some((host) => hostMatches(host, request.host)) ? HOLDS : FAILS;
      if (paths.length > 0) return anyHolds(paths.map((one) => pathMatches(one, path, reading)));
      return allHold(others, request, path, reading);
    },
  };
}

function byName(conditions: readonly NamedCondition[]): NamedCondition[][] {
  const groups = new Map<string, NamedCondition[]>();
  for (const one of conditions) groups.set(one.name, [...(groups.get(one.name) ?? []), one]);
  return [...groups.values()];
}

const SHOWN_MAX = 5;

function anyOf(texts: readonly string[]): string {
  const shown = texts.slice(0, SHOWN_MAX).join(" or ");
  return texts.length > SHOWN_MAX ? `${shown} or ${texts.length - SHOWN_MAX} more` : shown;
}

/** What they are asked for is a secret as often as what they hold; explanations are passed around. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "x-api-key"]);

/** All of one name. */
function namedText(conditions: readonly NamedCondition[]): string {
  return anyOf(
    conditions.map(({ name, value, regex }, place) => {
      if (value === null) return name;
      if (SECRET_FIELDS.has(name)) return place === 0 ? `${name}: ***` : "***";
      return regex ? `${name} matching ${value}` : place === 0 ? `${name}: ${value}` : value;
    }),
  );
}

/** The conditions of a \`not\`. */
function conditionsText({ hosts, paths, methods, headers, query, clients, listeners, not }: RouteConditions): string {
  const kinds: (readonly [string, readonly string[]])[] = [
    ["host", hosts],
    ["path", paths.map(pathText)],
    ["method", methods],
    ...byName(headers).map((each) => ["header", [namedText(each)]] as const),
    ...byName(query).map((each) => ["query", [namedText(each)]] as const),
    ["client", clients],
    ["listener", listeners],
    ["not", not.map((one) => `(${conditionsText(one)})`)],
  ];
  return kinds.flatMap(([kind, texts]) => (texts.length === 0 ? [] : [`${kind} ${anyOf(texts)}`])).join(", ");
}
