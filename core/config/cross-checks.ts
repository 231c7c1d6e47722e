/** What one part of a configuration says about another. Works on whatever could be parsed, so that all problems come at once. */

import { hasNoContent } from "../http/status.ts";
import { DNS_TIMEOUT_MS_LEAST, DNS_TTL_MS_LEAST } from "../limits.ts";
import { formatDuration } from "../time/duration.ts";
import type { Steps } from "../time/steps.ts";
import { addressText, isName, parseListenAddress, parseServerAddress } from "./address.ts";
import { checkCode, checkHooks, codeMayAsk } from "./hook-checks.ts";
import type { ParsedHooks } from "./hook-schema.ts";
import { type ConfigPath, type ConfigProblem, problemAt, problemAtKey } from "./problem.ts";
import { routeId } from "./route-definition.ts";
import type { ParsedRoute } from "./route-schema.ts";
import {
  listenerOf,
  type ParsedConfig,
  type ParsedListener,
  type ParsedServer,
  type ParsedUpstream,
} from "./schema.ts";
import { suggestion } from "./suggest.ts";

/** Null stands for a part that has problems of its own. */
export interface ConfigParts {
  readonly listeners: readonly (ParsedListener | null)[];
  readonly upstreams: ReadonlyMap<string, ParsedUpstream | null>;
  readonly routes: readonly (ParsedRoute | null)[];
  readonly dns: ParsedConfig["dns"] | null;
  readonly hooks: ParsedHooks | null;
}

/** Of these a route has one, and of its `rewrite` one of those. */
export const ACTIONS = ["upstream", "redirect", "respond", "target", "mount"] as const;
export const PATH_CHANGES = ["stripPrefix", "path", "pattern"] as const;
const FORWARDING = ["upstream", "target", "mount"] as const;
const ONLY_UPSTREAM = ["rewrite", "host", "request"] as const;

export function* crossChecking(parts: ConfigParts): Steps<ConfigProblem[]> {
  const names = listenerNames(parts);
  const problems = [
    ...checkListeners(parts),
    ...checkRouteIds(parts),
    ...checkDns(parts),
    ...checkHealth(parts),
    ...checkBounds(parts),
    ...checkHooks(parts.hooks ?? undefined, ["hooks"], parts.upstreams),
  ];
  for (const [index, route] of parts.routes.entries()) {
    if (route === null) continue;
    const at = ["routes", index];
    problems.push(...checkAction(route, at, parts), ...checkRewrite(route, at), ...checkMatch(route, at, names));
    problems.push(...checkCode(route, at, parts.upstreams));
    yield;
  }
  return problems;
}

/** What works but was hardly meant. */
export function crossCheckWarnings(parts: ConfigParts): ConfigProblem[] {
  const used = new Set(parts.routes.map((route) => route?.upstream));
  const complete = parts.routes.every((route) => isSettled(route, parts)) && !codeMayAsk(parts.hooks, parts.routes);
  const ofUpstreams = [...parts.upstreams].flatMap(([name, upstream]) => {
    const warnings: ConfigProblem[] = [];
    if (complete && !used.has(name)) warnings.push(problemAtKey(["upstreams", name], "no route uses this upstream"));
    if (upstream?.retries.unsafeRetryNonIdempotent) {
      const message = "is unsafe: a server may execute one POST or PATCH twice; an Idempotency-Key does not need this";
      warnings.push(problemAtKey(["upstreams", name, "retries", "unsafeRetryNonIdempotent"], message));
    }
    const seen = new Set<string>();
    for (const [index, server] of (upstream?.servers ?? []).entries()) {
      const address = nameOf(server);
      if (seen.has(address)) {
        const message = `${JSON.stringify(address)} is there twice; use weight for a larger share`;
        warnings.push(problemAt(["upstreams", name, "servers", index], message));
      }
      seen.add(address);
    }
    return upstream === null ? warnings : [...warnings, ...withoutEffect(upstream, ["upstreams", name])];
  });
  return [...excludingListeners(parts), ...ofUpstreams];
}

/** Whether a route says where it leads, so that it may not have meant an upstream that nobody names. */
function isSettled(route: ParsedRoute | null, { upstreams }: ConfigParts): boolean {
  if (route === null || !ACTIONS.some((action) => route[action] !== undefined)) return false;
  return route.upstream === undefined || upstreams.has(route.upstream);
}

/** On Linux the second cannot listen. Elsewhere it may, so it is no problem yet. */
function excludingListeners({ listeners }: ConfigParts): ConfigProblem[] {
  const byPort = new Map<number, { readonly index: number; readonly host: string; readonly reusePort: boolean }[]>();
  return listeners.flatMap((listener, index) => {
    if (listener === null) return [];
    const { address, reusePort } = listenerOf(listener);
    const parsed = parseListenAddress(address);
    if ("problem" in parsed || parsed.kind === "unix" || parsed.port === 0) return [];
    const { host, port } = parsed;
    const others = byPort.get(port) ?? [];
    byPort.set(port, [...others, { index, host, reusePort }]);
    const other = others.find(
      (each) => (covers(each.host, host) || covers(host, each.host)) && !(each.reusePort && reusePort),
    );
    if (other === undefined || other.host === host) return [];
    const both = `${JSON.stringify(address)} and listeners[${other.index}] share a port`;
    const why = ", one of them on every address: only one of the two can listen";
    // In nginx these are two: there the second takes IPv6 alone.
    const isWholeTwice = isWhole(host) && isWhole(other.host);
    return [problemAt(["listeners", index], both + (isWholeTwice ? `: ":${port}" alone takes IPv4 and IPv6` : why))];
  });
}

function isWhole(host: string): boolean {
  return host === "" || host === "::" || host === "0.0.0.0";
}

/** Whether listening on `wide` takes the port of `narrow`, too. */
function covers(wide: string, narrow: string): boolean {
  return wide === "" || wide === "::" || (wide === "0.0.0.0" && !narrow.includes(":"));
}

function withoutEffect({ servers, hedge }: ParsedUpstream, at: ConfigPath): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const [first] = servers;
  if (hedge !== undefined && servers.length === 1 && first !== undefined && isOneServer(first))
    problems.push(problemAt([...at, "hedge"], "needs a second server; with one it does nothing"));
  // A list in a file says so itself, and may change.
  if (servers.every((server) => typeof server === "object" && "state" in server && server.state !== "ready"))
    problems.push(problemAt([...at, "servers"], "none of them is ready: new requests are answered 503"));
  return problems;
}

/** A name may stand for several addresses, a service or a file for several servers. */
function isOneServer(server: ParsedServer): boolean {
  if (typeof server === "object" && !("address" in server)) return false;
  const address = parseServerAddress(nameOf(server));
  return "problem" in address || !isName(address);
}

function nameOf(server: ParsedServer): string {
  if (typeof server === "string") return server;
  return "address" in server ? server.address : "srv" in server ? server.srv : server.file;
}

/** A second too small makes a resolver an enemy. */
function checkDns({ dns }: ConfigParts): ConfigProblem[] {
  if (dns === null) return [];
  const problems: ConfigProblem[] = [];
  if (dns.minTtl < DNS_TTL_MS_LEAST)
    problems.push(problemAt(["dns", "minTtl"], `is too short; write ${DNS_TTL_MS_LEAST}ms or more`));
  if (dns.maxTtl < dns.minTtl)
    problems.push(problemAt(["dns", "maxTtl"], "is shorter than dns.minTtl; make it longer"));
  if (dns.timeout < DNS_TIMEOUT_MS_LEAST)
    problems.push(problemAt(["dns", "timeout"], `is too short; write ${DNS_TIMEOUT_MS_LEAST}ms or more`));
  return problems;
}

function checkListeners({ listeners }: ConfigParts): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const addresses = new Map<string, number>();
  const names = new Map<string, number>();
  for (const [index, listener] of listeners.entries()) {
    if (listener === null) continue;
    const { address, name } = listenerOf(listener);
    const parsed = parseListenAddress(address);
    if ("problem" in parsed) continue;
    const at = typeof listener === "string" ? ["listeners", index] : ["listeners", index, "address"];
    const canonical = addressText(parsed);
    // With port 0 every listener gets a port of its own.
    const first = parsed.kind === "tcp" && parsed.port === 0 ? undefined : addresses.get(canonical);
    if (first !== undefined) problems.push(problemAt(at, `${JSON.stringify(address)} is already listeners[${first}]`));
    else addresses.set(canonical, index);
    if (name === undefined) continue;
    const sameName = names.get(name);
    if (sameName === undefined) names.set(name, index);
    else
      problems.push(
        problemAt(
          ["listeners", index, "name"],
          `${JSON.stringify(name)} is already the name of listeners[${sameName}]`,
        ),
      );
  }
  return problems;
}

/** What grows up to a bound can't begin above it. */
function checkBounds({ upstreams }: ConfigParts): ConfigProblem[] {
  return [...upstreams].flatMap(([name, upstream]) => {
    if (upstream === null) return [];
    const { backoff } = upstream.retries;
    const { ejection } = upstream.health;
    const problems: ConfigProblem[] = [];
    if (backoff.max < backoff.base) {
      const message = `is ${formatDuration(backoff.max)}, shorter than base; make it longer`;
      problems.push(problemAt(["upstreams", name, "retries", "backoff", "max"], message));
    }
    if (ejection !== false && ejection.maxTime < ejection.baseTime) {
      const message = `is ${formatDuration(ejection.maxTime)}, shorter than baseTime; make it longer`;
      problems.push(problemAt(["upstreams", name, "health", "ejection", "maxTime"], message));
    }
    return problems;
  });
}

/** A UNIX socket has no ports beside it. */
function checkHealth({ upstreams }: ConfigParts): ConfigProblem[] {
  return [...upstreams].flatMap(([name, upstream]) => {
    const unix = (upstream?.servers ?? []).map(nameOf).find((address) => address.startsWith("unix:"));
    if (upstream === null || unix === undefined) return [];
    const { check, agent } = upstream.health;
    const at = ["upstreams", name, "health"];
    const message = `${JSON.stringify(unix)} has no other port; leave it out, or give this server an upstream of its own`;
    return [
      ...(typeof check === "object" && check.port !== undefined ? [problemAt([...at, "check", "port"], message)] : []),
      ...(agent !== undefined ? [problemAt([...at, "agent", "port"], message)] : []),
    ];
  });
}

function checkRouteIds({ routes }: ConfigParts): ConfigProblem[] {
  const seen = new Map<string, number>();
  return routes.flatMap((route, index) => {
    if (route === null) return [];
    const id = routeId(route, index);
    const first = seen.get(id);
    seen.set(id, first ?? index);
    if (first === undefined) return [];
    return [
      problemAt(
        ["routes", index, "id"],
        `${JSON.stringify(id)} is already the id of routes[${first}]; each route needs its own`,
      ),
    ];
  });
}

function checkAction(route: ParsedRoute, at: ConfigPath, { upstreams }: ConfigParts): ConfigProblem[] {
  const given = ACTIONS.filter((action) => route[action] !== undefined);
  if (given.length === 0) return [problemAt(at, `does nothing; give it one of ${ACTIONS.join(", ")}`)];
  if (given.length > 1) {
    return [
      problemAtKey([...at, given[1] ?? ""], `a route has one action, this one has ${given.join(" and ")}; keep one`),
    ];
  }
  if (route.upstream !== undefined) {
    if (upstreams.has(route.upstream)) return [];
    const known = [...upstreams.keys()];
    return [
      problemAt(
        [...at, "upstream"],
        `no upstream is called ${JSON.stringify(route.upstream)}; ${suggestion(route.upstream, known)}`,
      ),
    ];
  }
  if (forwards(route)) return [];
  const problems = ONLY_UPSTREAM.filter((key) => route[key] !== undefined).map((key) =>
    problemAtKey([...at, key], `only means something beside upstream, not beside ${given[0]}; leave it out`),
  );
  const respond = route.respond;
  if (respond !== undefined && respond.body !== "" && hasNoContent(respond.status)) {
    problems.push(
      problemAt([...at, "respond", "body"], `a response with status ${respond.status} has no body; leave it out`),
    );
  }
  return problems;
}

function checkRewrite(route: ParsedRoute, at: ConfigPath): ConfigProblem[] {
  if (route.rewrite === undefined || !forwards(route)) return [];
  const given = PATH_CHANGES.filter((key) => route.rewrite?.[key] !== undefined);
  if (given.length === 1) return [];
  if (given.length === 0) return [problemAt([...at, "rewrite"], `is empty; give it one of ${PATH_CHANGES.join(", ")}`)];
  return [
    problemAtKey(
      [...at, "rewrite", given[1] ?? ""],
      `a rewrite is one of ${PATH_CHANGES.join(", ")}; this one has ${given.join(" and ")}`,
    ),
  ];
}

/** Whether a server or a program gets its requests. */
function forwards(route: ParsedRoute): boolean {
  return FORWARDING.some((key) => route[key] !== undefined);
}

function checkMatch(route: ParsedRoute, at: ConfigPath, listeners: readonly string[] | null): ConfigProblem[] {
  const nots = route.match.not ?? [];
  const problems = nots.flatMap((not, index) =>
    Object.keys(not).length > 0
      ? []
      : [problemAt([...at, "match", "not", index], "is empty, which would refuse every request; give it a condition")],
  );
  if (listeners === null) return problems;
  const check = (named: readonly string[] | undefined, path: ConfigPath) => {
    for (const [index, name] of (named ?? []).entries()) {
      if (listeners.includes(name)) continue;
      problems.push(
        problemAt([...path, index], `no listener is called ${JSON.stringify(name)}; ${suggestion(name, listeners)}`),
      );
    }
  };
  check(route.match.listener, [...at, "match", "listener"]);
  for (const [index, not] of nots.entries()) check(not.listener, [...at, "match", "not", index, "listener"]);
  return problems;
}

/** Null while a listener has problems: its name may be the one that is missed. */
function listenerNames({ listeners }: ConfigParts): string[] | null {
  const names = listeners.map((listener) => {
    if (listener === null) return null;
    const { name, address } = listenerOf(listener);
    return name ?? address;
  });
  return names.includes(null) ? null : names.filter((name) => name !== null);
}
