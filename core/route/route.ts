/**
 * What a route is: the conditions it asks for and what it does, as plain data. `config/compile.ts`
 * makes these from a configuration file, `route/table.ts` compiles them for lookup.
 */

import type { Limits, Timeouts } from "../limits.ts";
import type { Decide, FetchHandler, HookDefinition, HookDefinitions } from "../script/hooks.ts";

/** What routing may look at. Strings are made only when a table asks for them. */
export interface RouteRequest {
  /** Lower case, without port and trailing dot; IPv6 in brackets; `""` when the request named none. */
  readonly host: string;
  readonly method: string;
  /** Path as received (latin1 text of the bytes), without query; `*` for `OPTIONS *`. */
  readonly path: string;
  /** Without the `?`; `""` when there is none. */
  readonly query: string;
  /** False when the path holds `%`, `;`, `//` or a dot segment, so that it can be read in two ways. */
  readonly pathIsPlain: boolean;
  /** The client's address after `trustedProxies`, in the usual text form; `unix` for one on a UNIX socket. */
  readonly clientAddress: string;
  /** The name (or else address as configured) of the listener it came in by. */
  readonly listener: string;
  /** The value of a field by lower-case name, several joined with `, `; null when absent. */
  header(name: string): string | null;
}

export interface RouteDefinition {
  /** The `id:` of the configuration, or `routes[3]`. */
  readonly id: string;
  readonly match: RouteConditions;
  readonly action: RouteAction;
  /** Null forwards the path byte for byte. */
  readonly rewrite: PathRewrite | null;
  readonly requestFields: FieldEdits;
  readonly responseFields: FieldEdits;
  /** Host sent upstream (a template); null passes the client's. */
  readonly host: string | null;
  /** What the route itself says of them: it has the last word, before its upstream and the server. */
  readonly limits: Partial<Limits>;
  readonly timeouts: Partial<Timeouts>;
  /** Whether `Upgrade` is passed on. */
  readonly upgrade: boolean;
  readonly hooks: HookDefinitions | null;
  /** Functions of the configuration may ask what the path captured. */
  readonly isHooked: boolean;
}

/** All given conditions must hold; within a list any one. Empty lists ask for nothing. */
export interface RouteConditions {
  /** Exact names or `*.example.com` (any depth); lower case. */
  readonly hosts: readonly string[];
  readonly paths: readonly PathPattern[];
  readonly methods: readonly string[];
  readonly headers: readonly NamedCondition[];
  readonly query: readonly NamedCondition[];
  /** IP addresses and CIDR blocks. */
  readonly clients: readonly string[];
  readonly listeners: readonly string[];
  /** Each must fail as a whole. */
  readonly not: readonly RouteConditions[];
}

export type PathPattern =
  | { readonly kind: "exact"; readonly path: string }
  /** `/api/*`: `/api` itself and everything below `/api/`. `/*` is every path: it asks for nothing and comes last. */
  | { readonly kind: "prefix"; readonly prefix: string }
  /**
   * `/users/:id`: a segment that starts with `:` matches any one non-empty segment. `/users/:id/*` is a prefix:
   * among patterns of a kind the one with the literal segment comes first where they differ from the left.
   */
  | { readonly kind: "parameters"; readonly pattern: string }
  | { readonly kind: "regex"; readonly source: string };

export interface NamedCondition {
  /** Header names lower case, query names as they are. */
  readonly name: string;
  /** Null: present is enough. */
  readonly value: string | null;
  /** True: `value` is a regular expression. */
  readonly regex: boolean;
}

export type PathRewrite =
  /** `/api/x` with `/api` becomes `/x`; `/api` becomes `/`. */
  | { readonly kind: "stripPrefix"; readonly prefix: string }
  /** Template with `$1`, `${path.id}` and variables; replaces the path, keeps the query unless it brings one. */
  | { readonly kind: "replace"; readonly to: string }
  | { readonly kind: "pattern"; readonly regex: string; readonly to: string };

export interface FieldEdits {
  /** Templates; replace every field of that name. */
  readonly set: readonly FieldEdit[];
  readonly add: readonly FieldEdit[];
  /** Lower-case names. */
  readonly remove: readonly string[];
}

export interface FieldEdit {
  /** As it is to be written. */
  readonly name: string;
  /** Text with `${client.address}`, `${request.host}`, `${route.id}` … */
  readonly value: string;
}

export type RouteAction =
  | { readonly kind: "upstream"; readonly upstream: string }
  /** Where the function says. */
  | { readonly kind: "target"; readonly decide: HookDefinition<Decide> }
  /** Answered by a program; `source` is its `file:line`, where that is known. */
  | { readonly kind: "mount"; readonly handler: FetchHandler; readonly source: string }
  | { readonly kind: "redirect"; readonly to: string; readonly status: number }
  | {
      readonly kind: "respond";
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
    };
