/**
 * What a proxy goes by. Every request keeps the snapshot it began with, so that a reload never changes a request under
 * way. Made by `config/compile.ts`.
 */

import type { Limits, Timeouts } from "../limits.ts";
import type { TraceRules } from "../observe/trace.ts";
import type { RouteTable } from "../route/table.ts";
import type { Address } from "../runtime.ts";
import type { HookDefinitions } from "../script/hooks.ts";
import type { UpstreamDefinition } from "../upstream/definition.ts";
import type { DnsRules } from "../upstream/dns-rules.ts";

/** A configuration, compiled and frozen. */
export interface Snapshot {
  readonly listeners: readonly ListenerDefinition[];
  /** In the order of the file; `RouteAction.upstream` names one of them. */
  readonly upstreams: readonly UpstreamDefinition[];
  readonly table: RouteTable;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly forwarding: Forwarding;
  readonly dns: DnsRules;
  /** Of all requests; null: none. */
  readonly hooks: HookDefinitions | null;
  /** Told when nothing goes by this configuration any more; null: nobody. */
  readonly onUnload: (() => unknown) | null;
  /** CIDR blocks and addresses that hooks may send requests to beside the servers of upstreams. */
  readonly allowTargets: readonly string[];
  readonly trace: TraceRules;
}

export interface ListenerDefinition {
  /** `name:` of the configuration, or the address as written. */
  readonly name: string;
  readonly address: Address;
  readonly reusePort: boolean;
}

/** What is said to upstreams and clients about this hop (RFC 9110 section 7.6.3, RFC 7239). */
export interface Forwarding {
  /** CIDR blocks and addresses whose X-Forwarded-… and Forwarded fields are believed; `unix` for UNIX sockets. */
  readonly trustedProxies: readonly string[];
  readonly via: boolean;
  readonly forwarded: boolean;
}
