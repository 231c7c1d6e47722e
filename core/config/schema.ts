/**
 * The shape of a configuration: the single source of what may be written, of its defaults and types (`config.ts`), of the
 * JSON Schema for editors (`schema/millrace.schema.json`) and of the reference in `docs/configuration.md`. What one value
 * says about another (a route's upstream exists) is checked in `cross-checks.ts`.
 */

import * as v from "valibot";
import { POOL_IDLE_MAX, POOL_QUEUE_MAX, SERVER_PRIORITY_MAX } from "../limits.ts";
import { addressBlockProblem, parseListenAddress, parseServerAddress } from "./address.ts";
import { BalanceSchema, StickySchema } from "./balance-schema.ts";
import { Dns, ServerFile, Service } from "./discovery-schema.ts";
import {
  LISTENER_HINTS,
  SERVER_HINTS,
  TOP_LEVEL_HINTS,
  UPSTREAM_HINTS,
  UPSTREAM_TIMEOUT_HINTS,
} from "./foreign-names.ts";
import { Health, SERVER_STATES } from "./health-schema.ts";
import { Hooks, OnUnload } from "./hook-schema.ts";
import { Limits, Timeouts } from "./number-schema.ts";
import { isRecord } from "./problem.ts";
import { Breaker, Hedge, Retries } from "./retry-schema.ts";
import { RouteSchema } from "./route-schema.ts";
import {
  choice,
  count,
  described,
  duration,
  either,
  flag,
  list,
  meant,
  named,
  nameText,
  oneOrMore,
  optional,
  section,
  text,
} from "./shapes.ts";
import { TraceRulesSchema } from "./trace-schema.ts";

const listenAddress = text('an address such as "127.0.0.1:8080"', (value) => problemOf(parseListenAddress(value)));
const serverAddress = text('an address such as "127.0.0.1:9000"', (value) => problemOf(parseServerAddress(value)));

const Listener = section(
  {
    address: described(
      listenAddress,
      "Where to listen: `127.0.0.1:8080`, `:8080` (every address), `[::1]:8080` or `unix:/run/millrace.sock`. Port 0 lets the system choose.",
    ),
    name: optional(nameText(), "What routes, logs and `match.listener` call it; the address as written when left out."),
    reusePort: optional(flag(), "Lets several processes listen on the same port, where the runtime can.", false),
  },
  LISTENER_HINTS,
);

const Server = section(
  {
    address: described(serverAddress, "Host and port, or `unix:/path`."),
    weight: optional(
      count({ min: 1, max: 1000, zeroHint: "for no new requests write state: drain" }),
      "Share of the requests relative to the other servers.",
      1,
    ),
    maxConnections: optional(
      count({ min: 1, unlimited: true }),
      "Connections at once; further requests go to another server, or wait in the queue when all are full.",
      "unlimited",
    ),
    priority: optional(
      count({ max: SERVER_PRIORITY_MAX }),
      "Servers with 0 come first; those with a higher number get what is too much for the ones before.",
      0,
    ),
    backup: optional(flag(), "Only chosen when no other server may be.", false),
    state: optional(
      choice(SERVER_STATES),
      "What it begins with: `drain` gets no new requests, `maintenance` is not even checked.",
      "ready",
    ),
  },
  {
    ...SERVER_HINTS,
    srv: "write either address or srv",
    file: "write either address or file; a list in a file names no further file",
  },
);

const SERVER_FORMS = 'an address such as "127.0.0.1:9000", or a map with address and weight, with srv, or with file';

/** What may stand in a list of servers, in the configuration and in a file of its own. */
export const ListedServerSchema = meant(
  [serverAddress, Server, Service],
  (input) => (!isRecord(input) ? null : "srv" in input && !("address" in input) ? Service : Server),
  SERVER_FORMS.replace(", or with file", ""),
);
const ServerEntry = meant(
  [serverAddress, Server, Service, ServerFile],
  (input) => {
    if (!isRecord(input)) return null;
    if ("address" in input) return Server;
    return "srv" in input ? Service : "file" in input ? ServerFile : Server;
  },
  SERVER_FORMS,
);

const UpstreamTimeouts = section(
  {
    connect: optional(duration(), "Until the connection stands; 504 after that."),
    firstByte: optional(duration(), "From the request sent until the head of the response; 504 after that."),
    idle: optional(duration(), "Between two pieces of a response body."),
  },
  UPSTREAM_TIMEOUT_HINTS,
);

const Pool = section({
  idle: optional(
    count(),
    "Idle connections kept per server, and more for a second after a burst; 0 keeps none.",
    POOL_IDLE_MAX,
  ),
  idleTimeout: optional(duration(), "How long an idle connection is kept; `timeouts.poolIdle` when left out."),
  queue: optional(count(), "Requests that may wait for a connection; 503 beyond.", POOL_QUEUE_MAX),
  queueTimeout: optional(duration(), "How long one may wait; `timeouts.queue` when left out."),
});

const Upstream = section(
  {
    servers: described(
      list(ServerEntry),
      "The servers: addresses, or maps with the keys below. docs/discovery.md says how those are found that have no address here.",
    ),
    balance: optional(
      BalanceSchema,
      "How a server is chosen: a name, or a map with the keys below; docs/balancing.md says which when.",
      "two-choices",
    ),
    sticky: optional(StickySchema, "Keeps a client at the server it had first, by a cookie."),
    slowStart: optional(
      duration(),
      "How long a server that comes back or joins takes to get its whole share; at once when left out.",
    ),
    timeouts: optional(UpstreamTimeouts, "Override `timeouts` for requests to this upstream."),
    pool: optional(Pool, "Connections kept for reuse.", {}),
    retries: optional(Retries, "When a request is tried again; docs/retries.md.", {}),
    hedge: optional(Hedge, "A second try beside one that takes long; none when left out."),
    health: optional(Health, "How it is found out which servers are well; docs/health.md explains it.", {}),
    breaker: optional(Breaker, "Caps on what this upstream is asked at once; docs/retries.md.", {}),
  },
  UPSTREAM_HINTS,
);

export const ListenerSchema = either(
  [listenAddress, Listener],
  'an address such as "127.0.0.1:8080", or a map with address',
);
export const UpstreamSchema = Upstream;
export const UpstreamsSchema = named(Upstream);

export const ConfigSchema = section(
  {
    include: optional(
      oneOrMore(text("a file name or glob"), "a file name or glob"),
      "Other files to read, relative to this one; `*`, `?` and `**` are wildcards.",
    ),
    listeners: described(list(ListenerSchema), "Where clients connect: addresses, or maps with the keys below."),
    upstreams: optional(UpstreamsSchema, "Named groups of servers.", {}),
    routes: described(
      list(RouteSchema),
      "What happens with which request; docs/configuration.md says which route wins.",
    ),
    limits: optional(Limits, "Sizes and counts beyond which a request is refused.", {}),
    timeouts: optional(Timeouts, "How long anything may take; `24d` at most.", {}),
    dns: optional(Dns, "How host names of servers are resolved, and how long that holds.", {}),
    trustedProxies: optional(
      oneOrMore(text("an address or block", trustedProblem), "an address or block"),
      "Addresses and blocks whose `X-Forwarded-*` are believed; `unix` for UNIX sockets.",
    ),
    hooks: optional(Hooks, "Functions that every request passes through; docs/hooks.md."),
    onUnload: optional(
      OnUnload,
      "Called once when no request uses this configuration's code any more, to close what it has opened.",
    ),
    allowTargets: optional(
      oneOrMore(text("an address or block", addressBlockProblem), "an address or block"),
      "Addresses and blocks that a `decide` hook may send requests to beside the servers of upstreams; none when left out.",
    ),
    via: optional(flag(), "Whether `Via` is added to requests and responses; without it, loops go unnoticed.", true),
    forwarded: optional(
      flag(),
      "Whether `Forwarded` (RFC 7239) is sent upstream beside `X-Forwarded-*`, behind what trusted proxies wrote there.",
      false,
    ),
    log: optional(
      section({
        access: optional(flag(), "One line per finished request on standard output.", false),
        format: optional(choice(["json", "text"]), "How the lines look.", "json"),
      }),
      "Failed requests are always logged, on standard error.",
      {},
    ),
    trace: optional(
      TraceRulesSchema,
      "What is kept of requests, to be asked where they went and why; docs/traces.md.",
      {},
    ),
    $schema: optional(v.string("expected text"), "Where editors find the JSON Schema; not looked at."),
  },
  TOP_LEVEL_HINTS,
);

/** What it means, defaults filled in. */
export type ParsedConfig = v.InferOutput<typeof ConfigSchema>;
export type ParsedUpstream = v.InferOutput<typeof Upstream>;
export type ParsedServer = v.InferOutput<typeof ServerEntry>;
export type ParsedListedServer = v.InferOutput<typeof ListedServerSchema>;
export type ParsedListener = v.InferOutput<typeof ListenerSchema>;

/** One that is only an address says nothing else. */
export function listenerOf(listener: ParsedListener): Exclude<ParsedListener, string> {
  return typeof listener === "string" ? { address: listener, reusePort: false } : listener;
}

function problemOf(result: object): string | null {
  return "problem" in result && typeof result.problem === "string" ? result.problem : null;
}

function trustedProblem(value: string): string | null {
  return value === "unix" ? null : addressBlockProblem(value);
}
