/**
 * What may be written in a configuration, an interface for each map. Made by `npm run schema` from `schema.ts`: one
 * file, however long, for nobody writes in it and editors lead to the key.
 */

import type {
  Decide,
  Mount,
  OnAttempt,
  OnFinish,
  OnRequest,
  OnResponse,
  TransformRequestBody,
  TransformResponseBody,
} from "../script/hooks.ts";

/** What may stand at the top level. */
export interface Config {
  /** Other files to read, relative to this one; `*`, `?` and `**` are wildcards. */
  include?: string | readonly string[] | undefined;
  /** Where clients connect: addresses, or maps with the keys below. */
  listeners: readonly (string | ListenerConfig)[];
  /** Named groups of servers. */
  upstreams?: Record<string, UpstreamConfig> | undefined;
  /** What happens with which request; docs/configuration.md says which route wins. */
  routes: readonly RouteConfig[];
  /** Sizes and counts beyond which a request is refused. */
  limits?: LimitsConfig | undefined;
  /** How long anything may take; `24d` at most. */
  timeouts?: TimeoutsConfig | undefined;
  /** How host names of servers are resolved, and how long that holds. */
  dns?: DnsConfig | undefined;
  /** Addresses and blocks whose `X-Forwarded-*` are believed; `unix` for UNIX sockets. */
  trustedProxies?: string | readonly string[] | undefined;
  /** Functions that every request passes through; docs/hooks.md. */
  hooks?: HooksConfig | undefined;
  /** Called once when no request uses this configuration's code any more, to close what it has opened. */
  onUnload?: (() => unknown) | OnUnloadConfig | undefined;
  /**
   * Addresses and blocks that a `decide` hook may send requests to beside the servers of upstreams; none when left out.
   */
  allowTargets?: string | readonly string[] | undefined;
  /** Whether `Via` is added to requests and responses; without it, loops go unnoticed. (default `true`) */
  via?: boolean | "true" | "false" | undefined;
  /**
   * Whether `Forwarded` (RFC 7239) is sent upstream beside `X-Forwarded-*`, behind what trusted proxies wrote there.
   * (default `false`)
   */
  forwarded?: boolean | "true" | "false" | undefined;
  /** Failed requests are always logged, on standard error. */
  log?: LogConfig | undefined;
  /** What is kept of requests, to be asked where they went and why; docs/traces.md. */
  trace?: TraceConfig | undefined;
  /** Where editors find the JSON Schema; not looked at. */
  $schema?: string | undefined;
}

/** What may stand at `listeners`. */
export interface ListenerConfig {
  /**
   * Where to listen: `127.0.0.1:8080`, `:8080` (every address), `[::1]:8080` or `unix:/run/millrace.sock`. Port 0 lets
   * the system choose.
   */
  address: string;
  /** What routes, logs and `match.listener` call it; the address as written when left out. */
  name?: string | undefined;
  /** Lets several processes listen on the same port, where the runtime can. (default `false`) */
  reusePort?: boolean | "true" | "false" | undefined;
}

/** What may stand at `upstreams`. */
export interface UpstreamConfig {
  /**
   * The servers: addresses, or maps with the keys below. docs/discovery.md says how those are found that have no
   * address here.
   */
  servers: readonly (string | ServerConfig | ServerSrvConfig | ServerFileConfig)[];
  /**
   * How a server is chosen: a name, or a map with the keys below; docs/balancing.md says which when. (default
   * `two-choices`)
   */
  balance?:
    | "two-choices"
    | "round-robin"
    | "random"
    | "least-busy"
    | "peak-ewma"
    | "least-time"
    | "client-address"
    | BalanceConfig
    | undefined;
  /** Keeps a client at the server it had first, by a cookie. */
  sticky?: StickyConfig | undefined;
  /** How long a server that comes back or joins takes to get its whole share; at once when left out. (duration) */
  slowStart?: string | undefined;
  /** Override `timeouts` for requests to this upstream. */
  timeouts?: UpstreamTimeoutsConfig | undefined;
  /** Connections kept for reuse. */
  pool?: PoolConfig | undefined;
  /** When a request is tried again; docs/retries.md. */
  retries?: RetriesConfig | undefined;
  /** A second try beside one that takes long; none when left out. */
  hedge?: HedgeConfig | undefined;
  /** How it is found out which servers are well; docs/health.md explains it. */
  health?: HealthConfig | undefined;
  /** Caps on what this upstream is asked at once; docs/retries.md. */
  breaker?: BreakerConfig | undefined;
}

/** What may stand at `upstreams.servers`. */
export interface ServerConfig {
  /** Host and port, or `unix:/path`. */
  address: string;
  /** Share of the requests relative to the other servers. (number, 1 to 1000; default `1`) */
  weight?: number | string | undefined;
  /**
   * Connections at once; further requests go to another server, or wait in the queue when all are full. (number or
   * unlimited; default `unlimited`)
   */
  maxConnections?: number | string | undefined;
  /**
   * Servers with 0 come first; those with a higher number get what is too much for the ones before. (number, at most
   * 127; default `0`)
   */
  priority?: number | string | undefined;
  /** Only chosen when no other server may be. (default `false`) */
  backup?: boolean | "true" | "false" | undefined;
  /** What it begins with: `drain` gets no new requests, `maintenance` is not even checked. (default `ready`) */
  state?: "ready" | "drain" | "maintenance" | undefined;
}

/** What may stand at `upstreams.servers`. */
export interface ServerSrvConfig {
  /**
   * A service name such as `_http._tcp.app.internal`: host, port, weight and priority of each server come from its SRV
   * records.
   */
  srv: string;
  /** As above, of each server that is found. (number or unlimited; default `unlimited`) */
  maxConnections?: number | string | undefined;
  /** As above, of each server that is found. (default `false`) */
  backup?: boolean | "true" | "false" | undefined;
  /** As above, of each server that is found. (default `ready`) */
  state?: "ready" | "drain" | "maintenance" | undefined;
}

/** What may stand at `upstreams.servers`. */
export interface ServerFileConfig {
  /** A list of servers, YAML or JSON, relative to this file and watched: addresses, or maps as here. */
  file: string;
}

/** What may stand at `upstreams.balance`. */
export interface BalanceConfig {
  /**
   * The part of a request that decides: `header:NAME`, `cookie:NAME`, `query:NAME`, `path`, `host` or `client-address`.
   * Requests without it go by `two-choices`.
   */
  hash: string;
  /**
   * `rendezvous` and `maglev` for few and many servers, or `auto`; `ring` is that of nginx's `hash … consistent`.
   * (default `auto`)
   */
  method?: "auto" | "rendezvous" | "ring" | "maglev" | undefined;
  /**
   * How many times its share of the requests under way a server may have, more than 1, such as `1.25`; the next one
   * after that. (decimal, 1 to 100)
   */
  boundedLoad?: number | string | undefined;
}

/** What may stand at `upstreams.sticky`. */
export interface StickyConfig {
  /** The cookie that names the server; `millrace-` and the name of the upstream when left out. */
  cookie?: string | undefined;
  /** Signs the cookie, at least 16 bytes, the same in all proxies that share the upstream: `${env:STICKY_SECRET}`. */
  secret: string;
  /** How long browsers keep the cookie; until they are closed when left out. (duration) */
  maxAge?: string | undefined;
}

/** What may stand at `upstreams.timeouts`. */
export interface UpstreamTimeoutsConfig {
  /** Until the connection stands; 504 after that. (duration) */
  connect?: string | undefined;
  /** From the request sent until the head of the response; 504 after that. (duration) */
  firstByte?: string | undefined;
  /** Between two pieces of a response body. (duration) */
  idle?: string | undefined;
}

/** What may stand at `upstreams.pool`. */
export interface PoolConfig {
  /** Idle connections kept per server, and more for a second after a burst; 0 keeps none. (number; default `64`) */
  idle?: number | string | undefined;
  /** How long an idle connection is kept; `timeouts.poolIdle` when left out. (duration) */
  idleTimeout?: string | undefined;
  /** Requests that may wait for a connection; 503 beyond. (number; default `1024`) */
  queue?: number | string | undefined;
  /** How long one may wait; `timeouts.queue` when left out. (duration) */
  queueTimeout?: string | undefined;
}

/** What may stand at `upstreams.retries`. */
export interface RetriesConfig {
  /**
   * Further tries of a request, each on another server if there is one; 0 for none. (number, at most 10; default `1`)
   */
  attempts?: number | string | undefined;
  /**
   * After what: connect, broken, timeout, bad-response or a status from 400 to 599. `connect, broken, 502, 503, 504`
   * when left out, and `timeout` if `perTryTimeout` is given.
   */
  on?:
    | "connect"
    | "broken"
    | "timeout"
    | "bad-response"
    | number
    | readonly ("connect" | "broken" | "timeout" | "bad-response" | number)[]
    | undefined;
  /** For each try, until the head of its response; without it `timeouts.firstByte` alone counts. (duration) */
  perTryTimeout?: string | undefined;
  /** The pause before a further try; none after a connection was refused. */
  backoff?: RetriesBackoffConfig | undefined;
  /** What further tries may cost in all; beyond, the first failure is the answer. */
  budget?: RetriesBudgetConfig | undefined;
  /**
   * Tries POST and PATCH again after they were sent, too: the server may execute them twice. An `Idempotency-Key` does
   * not need it. (default `false`)
   */
  unsafeRetryNonIdempotent?: boolean | "true" | "false" | undefined;
}

/** What may stand at `upstreams.retries.backoff`. */
export interface RetriesBackoffConfig {
  /** Bound of the first pause, which is random; it doubles with each try. (duration; default `25ms`) */
  base?: string | undefined;
  /** The bound never grows beyond. (duration; default `250ms`) */
  max?: string | undefined;
}

/** What may stand at `upstreams.retries.budget`. */
export interface RetriesBudgetConfig {
  /** Further tries allowed per request, on average. (percent; default `10%`) */
  share?: string | undefined;
  /** Further tries per second allowed beside them. (number; default `3`) */
  perSecond?: number | string | undefined;
}

/** What may stand at `upstreams.hedge`. */
export interface HedgeConfig {
  /**
   * Without a response for so long, an idempotent request is sent to a second server, too; the first answer counts.
   * (duration)
   */
  after: string;
}

/** What may stand at `upstreams.health`. */
export interface HealthConfig {
  /** Asks each server regularly; `true` for `GET /` with everything else as below. (default `false`) */
  check?: boolean | "true" | "false" | HealthCheckConfig | undefined;
  /** Asks an agent on each server for its weight and state. */
  agent?: HealthAgentConfig | undefined;
  /** Puts servers out that fail requests; `false` turns it off. */
  ejection?: false | HealthEjectionConfig | undefined;
  /**
   * With a smaller share of healthy servers all are tried that do not refuse connections; `0%` turns it off. (percent;
   * default `50%`)
   */
  panicThreshold?: string | undefined;
}

/** What may stand at `upstreams.health.check`. */
export interface HealthCheckConfig {
  /** `http` asks and judges the answer, `tcp` only connects. (default `http`) */
  kind?: "http" | "tcp" | undefined;
  /** Method of the request; `GET` when left out. */
  method?: string | undefined;
  /** Path and query; `/` when left out. */
  path?: string | undefined;
  /** The `Host` sent; the server's address when left out. */
  host?: string | undefined;
  /** Further headers. */
  headers?: Record<string, string> | undefined;
  /** Which are fine; `["200-399"]` when left out. */
  status?: number | string | readonly (number | string)[] | undefined;
  /** What the first 8 KiB of the body must hold. */
  body?: HealthCheckBodyConfig | undefined;
  /** From one check to the next. (duration; default `5s`) */
  interval?: string | undefined;
  /** The same while it is not sure whether the server is up or down. (duration; default `1s`) */
  fastInterval?: string | undefined;
  /** Of a whole check. (duration; default `2s`) */
  timeout?: string | undefined;
  /** Passed checks in a row that bring a server up. (number, 1 to 1000; default `2`) */
  rise?: number | string | undefined;
  /** Failed checks in a row that take it down. (number, 1 to 1000; default `3`) */
  fall?: number | string | undefined;
  /** By how much an interval may be shorter or longer, by chance. (percent; default `10%`) */
  jitter?: string | undefined;
  /** The port to check; the one of traffic when left out. (number, 1 to 65535) */
  port?: number | string | undefined;
}

/** What may stand at `upstreams.health.check.body`. */
export interface HealthCheckBodyConfig {
  /** Text that stands in it. */
  contains?: string | undefined;
  /** A regular expression that matches anywhere in it. */
  regex?: string | undefined;
}

/** What may stand at `upstreams.health.agent`. */
export interface HealthAgentConfig {
  /** Where the agent listens, on the server's address. (number, 1 to 65535) */
  port: number | string;
  /** From one question to the next. (duration; default `5s`) */
  interval?: string | undefined;
  /** Until its line has to be there. (duration; default `2s`) */
  timeout?: string | undefined;
}

/** What may stand at `upstreams.health.ejection`. */
export interface HealthEjectionConfig {
  /** Failures in a row that put a server out. (number, 1 to 10000; default `5`) */
  consecutiveFailures?: number | string | undefined;
  /** How long the first time; n times as long the n-th time in a row. (duration; default `10s`) */
  baseTime?: string | undefined;
  /** Never longer than this. (duration; default `5m`) */
  maxTime?: string | undefined;
  /** Of the servers at most so many are out at once, but always one of several. (percent; default `50%`) */
  maxShare?: string | undefined;
  /** Compares the servers every 10 s and puts out those that fail much more often; `false` turns it off. */
  successRate?: false | HealthEjectionSuccessRateConfig | undefined;
}

/** What may stand at `upstreams.health.ejection.successRate`. */
export interface HealthEjectionSuccessRateConfig {
  /** A server with fewer requests in 10 s is not judged. (number; default `100`) */
  minimumRequests?: number | string | undefined;
  /** With fewer servers to judge nobody is. (number, 2 to 10000; default `5`) */
  minimumServers?: number | string | undefined;
  /** Standard deviations below the mean from which a server is an outlier. (decimal, at most 100; default `1.9`) */
  deviations?: number | string | undefined;
}

/** What may stand at `upstreams.breaker`. */
export interface BreakerConfig {
  /**
   * Requests under way at once, waiting ones included; 503 with `Retry-After` beyond. (number or unlimited; default
   * `unlimited`)
   */
  inFlight?: number | string | undefined;
  /**
   * Connections to all servers together; idle ones make room, 503 beyond. (number or unlimited; default `unlimited`)
   */
  connections?: number | string | undefined;
  /**
   * Requests waiting for a connection; 503 beyond. `pool.queue` bounds them, too. (number or unlimited; default
   * `unlimited`)
   */
  pending?: number | string | undefined;
  /**
   * Further tries under way at once; beyond, the first failure is the answer. (number or unlimited; default
   * `unlimited`)
   */
  retries?: number | string | undefined;
}

/** What may stand at `routes`. */
export type RouteConfig = RouteCommonConfig & RouteActionConfig;

/** Beside what a route does. */
export interface RouteCommonConfig {
  /** What logs and `${route.id}` call it; `routes[3]` when left out. */
  id?: string | undefined;
  /** Which requests; everything when left out. All keys given must hold. */
  match?: RouteMatchConfig | undefined;
  /** Changes the path sent upstream; one of the keys below. */
  rewrite?: RouteRewriteConfig | undefined;
  /** The `Host` sent upstream; the client's when left out. */
  host?: string | undefined;
  /** Header changes on the way upstream. */
  request?: HeaderChangesConfig | undefined;
  /** Header changes on the way to the client, of redirects and fixed responses as well. */
  response?: HeaderChangesConfig | undefined;
  /** Functions that requests of this route pass through; docs/hooks.md. */
  hooks?: HooksConfig | undefined;
  /** Override the top-level `limits`. */
  limits?: RouteLimitsConfig | undefined;
  /** Override the upstream's and the top-level `timeouts`. */
  timeouts?: RouteTimeoutsConfig | undefined;
  /** Whether WebSocket and other upgrades pass. (default `true`) */
  upgrade?: boolean | "true" | "false" | undefined;
}

/** What a route does. */
export type RouteActionConfig =
  | {
      /** Action: forward to this upstream. */
      upstream: string;
      redirect?: undefined;
      respond?: undefined;
      target?: undefined;
      mount?: undefined;
    }
  | {
      /** Action: send the client elsewhere. */
      redirect: RouteRedirectConfig;
      upstream?: undefined;
      respond?: undefined;
      target?: undefined;
      mount?: undefined;
    }
  | {
      /** Action: a fixed response. */
      respond: RouteRespondConfig;
      upstream?: undefined;
      redirect?: undefined;
      target?: undefined;
      mount?: undefined;
    }
  | {
      /** Action: forward to where this function says; docs/hooks.md. */
      target: Decide | DecideHookConfig<Decide>;
      upstream?: undefined;
      redirect?: undefined;
      respond?: undefined;
      mount?: undefined;
    }
  | {
      /** Action: answered by this program, a Hono app or any `fetch` handler. */
      mount: Mount | RouteMountConfig;
      upstream?: undefined;
      redirect?: undefined;
      respond?: undefined;
      target?: undefined;
    };

/** What may stand at `routes.match`. */
export interface RouteMatchConfig {
  /** Exact names, or `*.example.com` for every name below. */
  host?: string | readonly string[] | undefined;
  /** Exact `/old`; prefix `/api/*` (matches `/api`, too); parameter `/users/:id`; or `{ regex }`. */
  path?: string | RegexConfig | readonly (string | RegexConfig)[] | undefined;
  /** Methods such as `GET`. */
  method?: string | readonly string[] | undefined;
  /** Header name to value, `true` for present, or `{ regex }`; all must hold. */
  header?: Record<string, string | true | RegexConfig> | undefined;
  /** Query parameter to value, `true` for present, or `{ regex }`; all must hold. */
  query?: Record<string, string | true | RegexConfig> | undefined;
  /** Client addresses or blocks, after `trustedProxies`. */
  client?: string | readonly string[] | undefined;
  /** Names (or else addresses) of listeners. */
  listener?: string | readonly string[] | undefined;
  /** Conditions that must fail, each as a whole; same keys as `match`. */
  not?: RouteMatchNotConfig | readonly RouteMatchNotConfig[] | undefined;
}

/** What may stand at `routes.match.path`. */
export interface RegexConfig {
  /** A regular expression in RE2 syntax; it may match anywhere unless `^` and `$` say otherwise. */
  regex: string;
}

/** What may stand at `routes.match.not`. */
export interface RouteMatchNotConfig {
  /** Exact names, or `*.example.com` for every name below. */
  host?: string | readonly string[] | undefined;
  /** Exact `/old`; prefix `/api/*` (matches `/api`, too); parameter `/users/:id`; or `{ regex }`. */
  path?: string | RegexConfig | readonly (string | RegexConfig)[] | undefined;
  /** Methods such as `GET`. */
  method?: string | readonly string[] | undefined;
  /** Header name to value, `true` for present, or `{ regex }`; all must hold. */
  header?: Record<string, string | true | RegexConfig> | undefined;
  /** Query parameter to value, `true` for present, or `{ regex }`; all must hold. */
  query?: Record<string, string | true | RegexConfig> | undefined;
  /** Client addresses or blocks, after `trustedProxies`. */
  client?: string | readonly string[] | undefined;
  /** Names (or else addresses) of listeners. */
  listener?: string | readonly string[] | undefined;
}

/** What may stand at `routes.rewrite`. */
export type RouteRewriteConfig =
  | {
      /** Taken off the path; what is left begins with `/`. */
      stripPrefix: string;
      path?: undefined;
      pattern?: undefined;
    }
  | {
      /** Replaces the path, with `$1`, `${path.id}` and variables; keeps the query unless it brings one. */
      path: string;
      stripPrefix?: undefined;
      pattern?: undefined;
    }
  | {
      /** Replaces what a regular expression matches. */
      pattern: RouteRewritePatternConfig;
      stripPrefix?: undefined;
      path?: undefined;
    };

/** What may stand at `routes.rewrite.pattern`. */
export interface RouteRewritePatternConfig {
  /** A regular expression over the path. */
  regex: string;
  /** What the matched part becomes, with `$1` and variables. */
  to: string;
}

/** What may stand at `routes.request`. */
export interface HeaderChangesConfig {
  /** Header name to value; replaces every header of that name. */
  set?: Record<string, string> | undefined;
  /** Header name to value or list of values; added beside what is there. */
  add?: Record<string, string | readonly string[]> | undefined;
  /** Header names to drop. */
  remove?: string | readonly string[] | undefined;
}

/** What may stand at `routes.hooks`. */
export interface HooksConfig {
  /** Allows, denies, answers or rewrites a request. */
  onRequest?: OnRequest | HookConfig<OnRequest> | undefined;
  /** Chooses the upstream, one of its servers, or a target in no list, for routes with `upstream`. */
  decide?: Decide | DecideHookConfig<Decide> | undefined;
  /** Before each try: chooses among the servers, changes headers. */
  onAttempt?: OnAttempt | HookConfig<OnAttempt> | undefined;
  /** Changes status and headers of a response, or replaces it. */
  onResponse?: OnResponse | HookConfig<OnResponse> | undefined;
  /** Passes the body of a request on as another stream; `timeout` is the longest pause in it. */
  transformRequestBody?: TransformRequestBody | HookConfig<TransformRequestBody> | undefined;
  /** Passes the body of a response on as another stream; `timeout` is the longest pause in it. */
  transformResponseBody?: TransformResponseBody | HookConfig<TransformResponseBody> | undefined;
  /** Is told how a request went, when it is over. */
  onFinish?: OnFinish | OnFinishHookConfig<OnFinish> | undefined;
}

/** What may stand at `routes.hooks.onRequest`. */
export interface HookConfig<F> {
  /** The function, in a configuration that is a program. */
  run?: F | undefined;
  /** Instead of `run`: a TypeScript or JavaScript file, relative to this one, that exports the function. */
  script?: string | undefined;
  /** The name it is exported by; `default` when left out. */
  export?: string | undefined;
  /** How long it may take. (duration; default `1s`) */
  timeout?: string | undefined;
  /**
   * When it throws, takes too long or answers nonsense: `{ status: 503 }`, or `ignore` to go on as if it had said
   * nothing.
   */
  fallback?: "ignore" | RouteHooksOnRequestFallbackConfig | undefined;
}

/** What may stand at `routes.hooks.onRequest.fallback`. */
export interface RouteHooksOnRequestFallbackConfig {
  /** An answer with this status. (number, 400 to 599) */
  status: number | string;
}

/** What may stand at `routes.hooks.decide`. */
export interface DecideHookConfig<F> {
  /** The function, in a configuration that is a program. */
  run?: F | undefined;
  /** Instead of `run`: a TypeScript or JavaScript file, relative to this one, that exports the function. */
  script?: string | undefined;
  /** The name it is exported by; `default` when left out. */
  export?: string | undefined;
  /** How long it may take. (duration; default `1s`) */
  timeout?: string | undefined;
  /**
   * When it throws, takes too long or answers nonsense: `{ upstream: NAME }`, `{ status: 503 }`, or `ignore` for the
   * route's own upstream.
   */
  fallback?: "ignore" | RouteHooksOnRequestFallbackConfig | RouteHooksDecideFallbackConfig | undefined;
}

/** What may stand at `routes.hooks.decide.fallback`. */
export interface RouteHooksDecideFallbackConfig {
  /** Forward to this upstream. */
  upstream: string;
}

/** What may stand at `routes.hooks.onFinish`. */
export interface OnFinishHookConfig<F> {
  /** The function, in a configuration that is a program. */
  run?: F | undefined;
  /** Instead of `run`: a TypeScript or JavaScript file, relative to this one, that exports the function. */
  script?: string | undefined;
  /** The name it is exported by; `default` when left out. */
  export?: string | undefined;
  /** How long it may take. (duration; default `1s`) */
  timeout?: string | undefined;
  /** Nothing else can follow: the request is over. */
  fallback?: "ignore" | undefined;
}

/** What may stand at `routes.limits`. */
export interface RouteLimitsConfig {
  /** Whole head of a response; 502 beyond. (size, 1KiB to 1MiB) */
  responseHead?: string | number | undefined;
  /** Fields in a response head; 502 beyond. (number, 1 to 10000) */
  responseFields?: number | string | undefined;
  /** 1xx responses forwarded for one request; 502 beyond. (number, at most 1000) */
  interimResponses?: number | string | undefined;
  /** Request body; 413 beyond. (size or unlimited) */
  requestBody?: string | number | undefined;
  /** What of a request body is kept for a second try. (size, at most 64MiB) */
  replay?: string | number | undefined;
  /**
   * Bytes per second a client must manage while it is waited for, after 10 s of grace; 408 below. 0 turns it off.
   * (size, at most 1MiB)
   */
  minimumRate?: string | number | undefined;
}

/** What may stand at `routes.timeouts`. */
export interface RouteTimeoutsConfig {
  /** Between two pieces of a request body; 408 after that. (duration) */
  requestBodyIdle?: string | undefined;
  /**
   * From the request sent until the head of the response, or until the 100 that its client waits for; 504 after that.
   * (duration)
   */
  firstByte?: string | undefined;
  /** Between two pieces of a response body. (duration) */
  responseIdle?: string | undefined;
  /** A tunnel (WebSocket) or event stream on which neither side moves. (duration) */
  tunnelIdle?: string | undefined;
  /** A response that stays silent after its client has ended its own half of the connection. (duration) */
  halfClosed?: string | undefined;
  /** A client that does not take what is sent. (duration) */
  sendIdle?: string | undefined;
  /** Until the connection to a server stands; 504 after that. (duration) */
  connect?: string | undefined;
  /** Waiting for a connection of a full upstream; 503 after that. (duration) */
  queue?: string | undefined;
  /**
   * A request with all its tries, until the end of the response: 504 after that, or a cut once it has begun. It counts
   * from the first try; what `onRequest` and `decide` take is theirs. Unlimited when left out; tunnels are exempt.
   * (duration)
   */
  total?: string | undefined;
}

/** What may stand at `routes.redirect`. */
export interface RouteRedirectConfig {
  /** The `Location`, with `$1`, `${path.id}` and variables. */
  to: string;
  /** 301, 302, 303, 307 or 308. (number, 301 to 308; default `302`) */
  status?: number | string | undefined;
}

/** What may stand at `routes.respond`. */
export interface RouteRespondConfig {
  /** Status of the response. (number, 200 to 599; default `200`) */
  status?: number | string | undefined;
  /** Sent as UTF-8. (default empty) */
  body?: string | undefined;
  /** The `Content-Type`. (default `text/plain; charset=utf-8`) */
  contentType?: string | undefined;
}

/** What may stand at `routes.mount`. */
export interface RouteMountConfig {
  /** A TypeScript or JavaScript file, relative to this one, that exports the app. */
  script: string;
  /** The name it is exported by; `default` when left out. */
  export?: string | undefined;
}

/** What may stand at `limits`. */
export interface LimitsConfig {
  /** Request target; 414 beyond. (size, 64B to 1MiB; default `16KiB`) */
  target?: string | number | undefined;
  /** Whole head of a request; 431 beyond. (size, 1KiB to 1MiB; default `32KiB`) */
  requestHead?: string | number | undefined;
  /** Fields in a request head; 431 beyond. (number, 1 to 10000; default `100`) */
  requestFields?: number | string | undefined;
  /** One header name; 431 beyond (502 from an upstream). (size, 16B to 64KiB; default `256B`) */
  fieldName?: string | number | undefined;
  /** Whole head of a response; 502 beyond. (size, 1KiB to 1MiB; default `64KiB`) */
  responseHead?: string | number | undefined;
  /** Fields in a response head; 502 beyond. (number, 1 to 10000; default `200`) */
  responseFields?: number | string | undefined;
  /** Extensions of one chunk; 400 beyond. (size, at most 64KiB; default `256B`) */
  chunkExtension?: string | number | undefined;
  /** Chunk extensions of one message; 400 beyond. (size, at most 1MiB; default `4KiB`) */
  chunkExtensionsPerMessage?: string | number | undefined;
  /** Trailer section; 431 beyond. (size, at most 1MiB; default `4KiB`) */
  trailers?: string | number | undefined;
  /** Fields in a trailer section; 431 beyond. (number, at most 10000; default `16`) */
  trailerFields?: number | string | undefined;
  /** 1xx responses forwarded for one request; 502 beyond. (number, at most 1000; default `8`) */
  interimResponses?: number | string | undefined;
  /** Request body; 413 beyond. (size or unlimited; default `unlimited`) */
  requestBody?: string | number | undefined;
  /** What of a request body is kept for a second try. (size, at most 64MiB; default `64KiB`) */
  replay?: string | number | undefined;
  /**
   * Bytes per second a client must manage while it is waited for, after 10 s of grace; 408 below. 0 turns it off.
   * (size, at most 1MiB; default `500B`)
   */
  minimumRate?: string | number | undefined;
  /**
   * Client connections at once; `unlimited` leaves it to the descriptor limit. (number or unlimited; default
   * `unlimited`)
   */
  clientConnections?: number | string | undefined;
  /**
   * Client connections of one address at once (IPv6: of one /64); further ones are reset. Trusted proxies and UNIX
   * sockets are not counted. (number or unlimited; default `unlimited`)
   */
  connectionsPerAddress?: number | string | undefined;
  /** Requests under way in all; 503 with `Retry-After` beyond. (number or unlimited; default `unlimited`) */
  inFlight?: number | string | undefined;
  /**
   * Memory for what is kept for second tries, in all; beyond, bodies are only streamed. (size, at most 64GiB; default
   * `64MiB`)
   */
  replayTotal?: string | number | undefined;
}

/** What may stand at `timeouts`. */
export interface TimeoutsConfig {
  /** From the first byte until the head of a request is complete; 408 after that. (duration; default `10s`) */
  requestHead?: string | undefined;
  /** Between two pieces of a request body; 408 after that. (duration; default `1m`) */
  requestBodyIdle?: string | undefined;
  /**
   * From the request sent until the head of the response, or until the 100 that its client waits for; 504 after that.
   * (duration; default `1m`)
   */
  firstByte?: string | undefined;
  /** Between two pieces of a response body. (duration; default `1m`) */
  responseIdle?: string | undefined;
  /** A tunnel (WebSocket) or event stream on which neither side moves. (duration; default `1h`) */
  tunnelIdle?: string | undefined;
  /** A client connection between two requests. (duration; default `75s`) */
  keepAliveIdle?: string | undefined;
  /**
   * A response that stays silent after its client has ended its own half of the connection. (duration; default `30s`)
   */
  halfClosed?: string | undefined;
  /** A client that does not take what is sent. (duration; default `1m`) */
  sendIdle?: string | undefined;
  /** Until the connection to a server stands; 504 after that. (duration; default `3s`) */
  connect?: string | undefined;
  /** An idle connection to a server is kept this long. (duration; default `1m`) */
  poolIdle?: string | undefined;
  /** Waiting for a connection of a full upstream; 503 after that. (duration; default `5s`) */
  queue?: string | undefined;
  /**
   * What is in flight when the proxy stops, or a reload takes its route away, gets this long. (duration; default `30s`)
   */
  drain?: string | undefined;
  /**
   * How long a proxy that is told to stop goes on accepting, saying `Connection: close`, before it drains. (duration;
   * default `0ms`)
   */
  drainDelay?: string | undefined;
  /**
   * A request with all its tries, until the end of the response: 504 after that, or a cut once it has begun. It counts
   * from the first try; what `onRequest` and `decide` take is theirs. Unlimited when left out; tunnels are exempt.
   * (duration)
   */
  total?: string | undefined;
}

/** What may stand at `dns`. */
export interface DnsConfig {
  /**
   * Resolvers, asked one after the other: `10.0.0.53`, `127.0.0.1:5353`, `[::1]:53`; those of the system when left out.
   */
  servers?: string | readonly string[] | undefined;
  /** Names are asked for again no sooner than this, `100ms` at least. (duration; default `1s`) */
  minTtl?: string | undefined;
  /** Names are asked for again no later than this. (duration; default `5m`) */
  maxTtl?: string | undefined;
  /** How long each resolver is waited for, `100ms` at least. (duration; default `2s`) */
  timeout?: string | undefined;
}

/** What may stand at `onUnload`. */
export interface OnUnloadConfig {
  /** A TypeScript or JavaScript file, relative to this one, that exports it. */
  script: string;
  /** The name it is exported by; `default` when left out. */
  export?: string | undefined;
}

/** What may stand at `log`. */
export interface LogConfig {
  /** One line per finished request on standard output. (default `false`) */
  access?: boolean | "true" | "false" | undefined;
  /** How the lines look. (default `json`) */
  format?: "json" | "text" | undefined;
}

/** What may stand at `trace`. */
export interface TraceConfig {
  /** Of the requests that do not fail, the share whose traces are kept, too. (percent; default `1%`) */
  sample?: string | undefined;
  /** How many traces are kept, 16 MiB at most; 0 turns them off. (number, at most 100000; default `1000`) */
  keep?: number | string | undefined;
}
