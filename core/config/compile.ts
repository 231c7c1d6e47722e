/** A configuration as written → the frozen snapshot the proxy runs on; or everything that is wrong with it. */

import * as v from "valibot";
import type { ListenerDefinition, Snapshot } from "../exchange/snapshot.ts";
import { DEFAULT_TIMEOUTS, type Limits, type Timeouts } from "../limits.ts";
import type { RouteDefinition } from "../route/route.ts";
import { compilingTable } from "../route/table.ts";
import type { TcpAddress } from "../runtime.ts";
import type { SourceOf } from "../script/hooks.ts";
import { allAtOnce, type Steps } from "../time/steps.ts";
import type { UpstreamDefinition } from "../upstream/definition.ts";
import type { DnsRules } from "../upstream/dns-rules.ts";
import { accepted, parseListenAddress, parseResolverAddress } from "./address.ts";
import { defineBalance, defineSticky } from "./balance-schema.ts";
import { type ConfigParts, crossChecking, crossCheckWarnings } from "./cross-checks.ts";
import { Dns } from "./discovery-schema.ts";
import { defineHealth } from "./health-definition.ts";
import { defineHooks, Hooks, NOT_LOADED, type ParsedHooks } from "./hook-schema.ts";
import { problemsOf } from "./issues.ts";
import { inMs } from "./number-schema.ts";
import { parsingInPieces } from "./parse-in-pieces.ts";
import { type ConfigPath, type ConfigProblem, problemAt } from "./problem.ts";
import { defineRetries } from "./retry-schema.ts";
import { configPathOf, defineRoute } from "./route-definition.ts";
import { type ParsedRoute, RouteSchema } from "./route-schema.ts";
import {
  ConfigSchema,
  ListenerSchema,
  listenerOf,
  type ParsedConfig,
  type ParsedListener,
  type ParsedUpstream,
  UpstreamSchema,
} from "./schema.ts";
import { defineSource } from "./server-list.ts";

/** How the log lines look, and whether there is one for each request. */
export interface LogDefinition {
  readonly access: boolean;
  readonly format: "json" | "text";
}

/** A configuration that is right, ready to run. */
export interface CompiledConfig {
  readonly snapshot: Snapshot;
  readonly log: LogDefinition;
  /** What works but was hardly meant. */
  readonly warnings: readonly ConfigProblem[];
}

/** Everything that is wrong with a configuration. */
export interface RefusedConfig {
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

export interface CompileOptions {
  /** Where the functions in the configuration stand, for logs. */
  readonly sourceOf?: SourceOf;
}

/** `config` is what a file held or a program made; nothing about it is believed. */
export function compileConfig(config: unknown, options: CompileOptions = {}): CompiledConfig | RefusedConfig {
  return allAtOnce(compilingConfig(config, options));
}

/** The same in steps, each of them short as long as nothing is wrong. */
export function* compilingConfig(
  config: unknown,
  { sourceOf = () => "" }: CompileOptions = {},
): Steps<CompiledConfig | RefusedConfig> {
  const output = yield* parsingInPieces(config);
  const result = output === null ? v.safeParse(ConfigSchema, config) : ({ success: true, output } as const);
  const parts = result.success ? partsOf(result.output) : salvage(config);
  const problems = result.success ? [] : problemsOf(result.issues);
  problems.push(...(yield* crossChecking(parts)));
  yield;
  const warnings = crossCheckWarnings(parts);
  yield;
  const broken = new Set(problems.filter(({ path }) => path[0] === "routes").map(({ path }) => path[1]));
  const sound = [...parts.routes.keys()].filter((index) => parts.routes[index] && !broken.has(index));
  const definitions: RouteDefinition[] = [];
  for (const index of sound) {
    definitions.push(freeze(defineRoute(parts.routes[index] as ParsedRoute, index, parts.hooks !== null, sourceOf)));
    yield;
  }
  if (result.success && typeof result.output.onUnload === "object")
    problems.push(problemAt(["onUnload", "script"], NOT_LOADED));
  const compiled = yield* compilingTable(definitions);
  if ("problems" in compiled) {
    for (const { route, path, message } of compiled.problems) {
      problems.push(problemAt(placeOf(parts, sound[route] ?? 0, path), message));
    }
  }
  if (problems.length > 0 || !result.success || "problems" in compiled) return { problems, warnings };
  const numbers = numbersOf(result.output);
  const upstreams: UpstreamDefinition[] = [];
  for (const [name, upstream] of Object.entries(result.output.upstreams)) {
    upstreams.push(freeze(defineUpstream(name, upstream, numbers)));
    yield;
  }
  const hooks = defineHooks(result.output.hooks, "hooks", sourceOf);
  return { ...finish(result.output, { numbers, upstreams, table: compiled.table, hooks }), warnings };
}

function finish(
  { listeners, trustedProxies = [], via, forwarded, dns, trace, log, allowTargets = [], onUnload }: ParsedConfig,
  { numbers, upstreams, table, hooks }: Pick<Snapshot, "upstreams" | "table" | "hooks"> & { readonly numbers: Numbers },
): Pick<CompiledConfig, "snapshot" | "log"> {
  const snapshot: Snapshot = {
    listeners: listeners.map(defineListener),
    upstreams,
    table,
    limits: numbers.limits,
    timeouts: numbers.timeouts,
    forwarding: { trustedProxies, via, forwarded },
    dns: defineDns(dns),
    hooks,
    onUnload: typeof onUnload === "function" ? onUnload : null,
    allowTargets,
    trace: { sampleShare: trace.sample, keep: trace.keep },
  };
  return { snapshot: freeze(snapshot), log: freeze({ access: log.access, format: log.format }) };
}

function placeOf(parts: ConfigParts, index: number, path: ConfigPath): ConfigPath {
  return configPathOf(parts.routes[index] as ParsedRoute, index, path);
}

interface Numbers {
  readonly limits: Limits;
  readonly timeouts: Timeouts;
}

function partsOf(config: ParsedConfig): ConfigParts {
  const { listeners, upstreams, routes, dns, hooks = null } = config;
  return { listeners, upstreams: new Map(Object.entries(upstreams)), routes, dns, hooks };
}

/** What can be understood of a configuration with problems, so that the rest of it is checked, too. */
function salvage(config: unknown): ConfigParts {
  const root = typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {};
  const upstreams = typeof root["upstreams"] === "object" && root["upstreams"] !== null ? root["upstreams"] : {};
  return {
    listeners: itemsOf(root["listeners"]).map((item) => parsed<ParsedListener>(ListenerSchema, item)),
    upstreams: new Map(
      Object.entries(upstreams).map(([name, item]) => [name, parsed<ParsedUpstream>(UpstreamSchema, item)]),
    ),
    routes: itemsOf(root["routes"]).map((item) => parsed<ParsedRoute>(RouteSchema, item)),
    dns: parsed<ParsedConfig["dns"]>(Dns, root["dns"] ?? {}),
    hooks: parsed<ParsedHooks>(Hooks, root["hooks"] ?? {}),
  };
}

/** Without holes, which `map` passes over: `[a,, b]` of a program has one. */
function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? [...value] : [];
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | null {
  const result = v.safeParse(schema, value);
  // Typed with issues: an unknown key, for example; the rest can be looked at.
  return result.typed ? result.output : null;
}

function numbersOf({ limits, timeouts }: ParsedConfig): Numbers {
  return {
    limits: {
      targetBytesMax: limits.target,
      requestHeadBytesMax: limits.requestHead,
      requestFieldsMax: limits.requestFields,
      fieldNameBytesMax: limits.fieldName,
      responseHeadBytesMax: limits.responseHead,
      responseFieldsMax: limits.responseFields,
      chunkExtensionBytesMax: limits.chunkExtension,
      chunkExtensionsPerMessageBytesMax: limits.chunkExtensionsPerMessage,
      trailerBytesMax: limits.trailers,
      trailerFieldsMax: limits.trailerFields,
      interimResponsesMax: limits.interimResponses,
      requestBodyBytesMax: limits.requestBody,
      replayBytesMax: limits.replay,
      rateBytesPerSecondMin: limits.minimumRate,
      clientConnectionsMax: limits.clientConnections,
      connectionsPerAddressMax: limits.connectionsPerAddress,
      inFlightMax: limits.inFlight,
      replayTotalBytesMax: limits.replayTotal,
    },
    timeouts: { ...DEFAULT_TIMEOUTS, ...inMs(timeouts), totalMs: timeouts.total ?? DEFAULT_TIMEOUTS.totalMs },
  };
}

function defineDns({ servers = [], minTtl, maxTtl, timeout }: ParsedConfig["dns"]): DnsRules {
  const addresses = servers.map((server) => accepted(parseResolverAddress(server)) as TcpAddress);
  return { servers: addresses, timeoutMs: timeout, ttlMsMin: minTtl, ttlMsMax: maxTtl };
}

function defineListener(listener: ParsedListener): ListenerDefinition {
  const { address, name, reusePort } = listenerOf(listener);
  return { name: name ?? address, address: accepted(parseListenAddress(address)), reusePort };
}

function defineUpstream(name: string, upstream: ParsedUpstream, { limits, timeouts }: Numbers): UpstreamDefinition {
  const sources = upstream.servers.map(defineSource);
  const servers = sources.flatMap((source) => (source.kind === "static" ? [source.server] : []));
  return {
    name,
    servers,
    ...(servers.length < sources.length && { sources }),
    balance: defineBalance(upstream.balance),
    ...(upstream.sticky !== undefined && { sticky: defineSticky(upstream.sticky, name) }),
    ...(upstream.slowStart !== undefined && { slowStartMs: upstream.slowStart }),
    timeouts: {
      connectMs: upstream.timeouts?.connect ?? null,
      firstByteMs: upstream.timeouts?.firstByte ?? null,
      idleMs: upstream.timeouts?.idle ?? null,
    },
    pool: {
      idleMax: upstream.pool.idle,
      idleMs: upstream.pool.idleTimeout ?? timeouts.poolIdleMs,
      queueMax: upstream.pool.queue,
      queueMs: upstream.pool.queueTimeout ?? timeouts.queueMs,
    },
    retries: defineRetries(upstream.retries),
    breaker: upstream.breaker,
    ...(upstream.hedge !== undefined && { hedgeAfterMs: upstream.hedge.after }),
    health: defineHealth(upstream.health),
  };
}

/** Plain records and lists only: the table freezes itself. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
