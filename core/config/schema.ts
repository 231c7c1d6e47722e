/**
 * The shape of a configuration: the single source of what may be written, of its defaults and types,
 * of the JSON Schema for editors (`schema/millrace.schema.json`) and of the reference in
 * `docs/configuration.md`. What one value says about another (a route's upstream exists) is checked in `compile.ts`.
 */

import * as v from "valibot";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, POOL_IDLE_MAX, POOL_QUEUE_MAX } from "../limits.ts";
import { addressBlockProblem, parseListenAddress, parseServerAddress } from "./address.ts";
import { formatDuration } from "./duration.ts";
import {
  fieldName,
  fieldValue,
  hostPattern,
  methodProblem,
  pathPattern,
  pathPrefix,
  redirectTarget,
} from "./route-text.ts";
import { choice, count, duration, either, flag, list, oneOrMore, section, size, table, text } from "./shapes.ts";
import { formatSize } from "./size.ts";

/** The names in the registry of `balance/balancer.ts`. */
const BALANCERS = ["round-robin", "least-busy"] as const;

const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;

const KIB = 1024;
const MIB = 1024 * KIB;

function described<S extends v.GenericSchema>(schema: S, description: string) {
  return v.pipe(schema, v.description(description));
}

const ANY_NAME = /^[^\s\p{Cc}]{1,128}$/u;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const NAME_RIGHT = "write letters, digits, dots, dashes and underscores, at most 64";
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const FIELD_NAME_RIGHT = 'write a header name such as "X-Request-Id"';

const nameText = (what: string) => text(what, (value) => (NAME.test(value) ? null : NAME_RIGHT));

const listenAddress = text('an address such as "127.0.0.1:8080"', (value) => problemOf(parseListenAddress(value)));
const serverAddress = text('an address such as "127.0.0.1:9000"', (value) => problemOf(parseServerAddress(value)));

const Listener = section({
  address: described(
    listenAddress,
    "Where to listen: `127.0.0.1:8080`, `:8080` (every address), `[::1]:8080` or `unix:/run/millrace.sock`. Port 0 lets the system choose.",
  ),
  name: v.optional(
    described(
      nameText("a name"),
      "What routes, logs and `match.listener` call it; the address as written when left out.",
    ),
  ),
  reusePort: v.optional(
    described(flag(), "Lets several processes listen on the same port, where the runtime can."),
    false,
  ),
});

const Server = section({
  address: described(serverAddress, "Host and port, or `unix:/path`."),
  weight: v.optional(
    described(count({ min: 1, max: 1000 }), "Share of the requests relative to the other servers."),
    1,
  ),
  maxConnections: v.optional(
    described(count({ min: 1, unlimited: true }), "Connections at once; further requests wait in the queue."),
    "unlimited",
  ),
});

const UpstreamTimeouts = section({
  connect: v.optional(described(duration(), "Until the connection stands; 504 after that.")),
  firstByte: v.optional(described(duration(), "From the request sent until the head of the response; 504 after that.")),
  idle: v.optional(described(duration(), "Between two pieces of a response body.")),
});

const Pool = section({
  idle: v.optional(described(count(), "Idle connections kept per server; 0 keeps none."), POOL_IDLE_MAX),
  idleTimeout: v.optional(
    described(duration(), "How long an idle connection is kept; `timeouts.poolIdle` when left out."),
  ),
  queue: v.optional(described(count(), "Requests that may wait for a connection; 503 beyond."), POOL_QUEUE_MAX),
  queueTimeout: v.optional(described(duration(), "How long one may wait; `timeouts.queue` when left out.")),
});

const Upstream = section({
  servers: described(
    list(either([serverAddress, Server], 'an address such as "127.0.0.1:9000", or a map with address and weight')),
    "The servers: addresses, or maps with the keys below.",
  ),
  balance: v.optional(described(choice(BALANCERS), "How a server is chosen."), "round-robin"),
  timeouts: v.optional(described(UpstreamTimeouts, "Override `timeouts` for requests to this upstream.")),
  pool: v.optional(described(Pool, "Connections kept for reuse."), {}),
});

const Regex = section({
  regex: described(
    text("a regular expression"),
    "A regular expression in RE2 syntax; it may match anywhere unless `^` and `$` say otherwise.",
  ),
});

const pathText = text('a path such as "/api/*"', pathPattern);
const Path = oneOrMore(
  either([pathText, Regex], 'a path such as "/api/*", or { regex: "^/u/[0-9]+$" }'),
  'a path such as "/api/*", or { regex: … }',
);

const Named = either(
  [text("text"), v.literal(true), Regex],
  'the value as text in quotes, true (present with any value) or { regex: "…" }',
);

const conditions = {
  host: v.optional(
    described(
      oneOrMore(text("a host name", hostPattern), "a host name"),
      "Exact names, or `*.example.com` for every name below.",
    ),
  ),
  path: v.optional(
    described(Path, "Exact `/old`; prefix `/api/*` (matches `/api`, too); parameter `/users/:id`; or `{ regex }`."),
  ),
  method: v.optional(described(oneOrMore(text("a method", methodProblem), "a method"), "Methods such as `GET`.")),
  header: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, Named),
      "Header name to value, `true` for present, or `{ regex }`; all must hold.",
    ),
  ),
  query: v.optional(
    described(
      table(ANY_NAME, "write the parameter's name", Named),
      "Query parameter to value, `true` for present, or `{ regex }`; all must hold.",
    ),
  ),
  client: v.optional(
    described(
      oneOrMore(text("an address or block", addressBlockProblem), "an address or block"),
      "Client addresses or blocks, after `trustedProxies`.",
    ),
  ),
  listener: v.optional(
    described(oneOrMore(text("a listener's name"), "a listener's name"), "Names (or else addresses) of listeners."),
  ),
};

const NotConditions = section(conditions, { not: "`not` cannot hold another `not`" });

const Match = section({
  ...conditions,
  not: v.optional(
    described(
      oneOrMore(NotConditions, "a map of conditions"),
      "Conditions that must fail, each as a whole; same keys as `match`.",
    ),
  ),
});

const template = (what: string) => text(what, fieldValue);

const Pattern = section({
  regex: described(text("a regular expression"), "A regular expression over the path."),
  to: described(template("a path"), "What the matched part becomes, with `$1` and variables."),
});

const Rewrite = section({
  stripPrefix: v.optional(
    described(text('a prefix such as "/api"', pathPrefix), "Taken off the path; what is left begins with `/`."),
  ),
  path: v.optional(
    described(
      template("a path"),
      "Replaces the path, with `$1`, `${path.id}` and variables; keeps the query unless it brings one.",
    ),
  ),
  pattern: v.optional(described(Pattern, "Replaces what a regular expression matches.")),
});

const EditName = text("a header name", fieldName);

const FieldEdits = section({
  set: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, template("text")),
      "Header name to value; replaces every header of that name.",
    ),
    {},
  ),
  add: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, oneOrMore(template("text"), "text")),
      "Header name to value or list of values; added beside what is there.",
    ),
    {},
  ),
  remove: v.optional(described(oneOrMore(EditName, "a header name"), "Header names to drop.")),
});

const Redirect = section({
  to: described(
    text('a target such as "/new"', redirectTarget),
    "The `Location`, with `$1`, `${path.id}` and variables.",
  ),
  status: v.optional(
    described(v.pipe(count({ min: 300, max: 399 }), v.rawCheck(redirectStatus)), "301, 302, 303, 307 or 308."),
    302,
  ),
});

const Respond = section({
  status: v.optional(described(count({ min: 200, max: 599 }), "Status of the response."), 200),
  body: v.optional(described(v.string("expected text"), "Sent as UTF-8."), ""),
  contentType: v.optional(
    described(text("a media type", fieldValue), "The `Content-Type`."),
    "text/plain; charset=utf-8",
  ),
});

const SERVER_WIDE = "it holds for the whole server; set it in the top-level `limits`";
const TIMEOUT_SERVER_WIDE = "it holds for the whole server; set it in the top-level `timeouts`";

const limits = {
  responseHead: [size({ min: KIB, max: MIB }), "Whole head of a response; 502 beyond."],
  responseFields: [count({ min: 1, max: 10_000 }), "Fields in a response head; 502 beyond."],
  interimResponses: [count({ max: 1000 }), "1xx responses forwarded for one request; 502 beyond."],
  requestBody: [size({ unlimited: true }), "Request body; 413 beyond."],
  replay: [size({ max: 64 * MIB }), "What of a request body is kept for a second try."],
  minimumRate: [
    size({ max: MIB }),
    "Bytes per second a client must manage while it is waited for, after 10 s of grace; 408 below. 0 turns it off.",
  ],
} as const;

const RouteLimits = section(
  {
    responseHead: v.optional(described(...limits.responseHead)),
    responseFields: v.optional(described(...limits.responseFields)),
    interimResponses: v.optional(described(...limits.interimResponses)),
    requestBody: v.optional(described(...limits.requestBody)),
    replay: v.optional(described(...limits.replay)),
    minimumRate: v.optional(described(...limits.minimumRate)),
  },
  {
    target: SERVER_WIDE,
    requestHead: SERVER_WIDE,
    requestFields: SERVER_WIDE,
    fieldName: SERVER_WIDE,
    chunkExtension: SERVER_WIDE,
    chunkExtensionsPerMessage: SERVER_WIDE,
    trailers: SERVER_WIDE,
    trailerFields: SERVER_WIDE,
    clientConnections: SERVER_WIDE,
  },
);

const Limits = section({
  target: v.optional(
    described(size({ min: 64, max: MIB }), "Request target; 414 beyond."),
    formatSize(DEFAULT_LIMITS.targetBytesMax),
  ),
  requestHead: v.optional(
    described(size({ min: KIB, max: MIB }), "Whole head of a request; 431 beyond."),
    formatSize(DEFAULT_LIMITS.requestHeadBytesMax),
  ),
  requestFields: v.optional(
    described(count({ min: 1, max: 10_000 }), "Fields in a request head, each cookie counted; 431 beyond."),
    DEFAULT_LIMITS.requestFieldsMax,
  ),
  fieldName: v.optional(
    described(size({ min: 16, max: 64 * KIB }), "One header name; 431 beyond (502 from an upstream)."),
    formatSize(DEFAULT_LIMITS.fieldNameBytesMax),
  ),
  responseHead: v.optional(described(...limits.responseHead), formatSize(DEFAULT_LIMITS.responseHeadBytesMax)),
  responseFields: v.optional(described(...limits.responseFields), DEFAULT_LIMITS.responseFieldsMax),
  chunkExtension: v.optional(
    described(size({ max: 64 * KIB }), "Extensions of one chunk; 400 beyond."),
    formatSize(DEFAULT_LIMITS.chunkExtensionBytesMax),
  ),
  chunkExtensionsPerMessage: v.optional(
    described(size({ max: MIB }), "Chunk extensions of one message; 400 beyond."),
    formatSize(DEFAULT_LIMITS.chunkExtensionsPerMessageBytesMax),
  ),
  trailers: v.optional(
    described(size({ max: MIB }), "Trailer section; 431 beyond."),
    formatSize(DEFAULT_LIMITS.trailerBytesMax),
  ),
  trailerFields: v.optional(
    described(count({ max: 10_000 }), "Fields in a trailer section; 431 beyond."),
    DEFAULT_LIMITS.trailerFieldsMax,
  ),
  interimResponses: v.optional(described(...limits.interimResponses), DEFAULT_LIMITS.interimResponsesMax),
  requestBody: v.optional(described(...limits.requestBody), formatSize(DEFAULT_LIMITS.requestBodyBytesMax)),
  replay: v.optional(described(...limits.replay), formatSize(DEFAULT_LIMITS.replayBytesMax)),
  minimumRate: v.optional(described(...limits.minimumRate), formatSize(DEFAULT_LIMITS.rateBytesPerSecondMin)),
  clientConnections: v.optional(
    described(
      count({ min: 1, unlimited: true }),
      "Client connections at once; `unlimited` leaves it to the descriptor limit.",
    ),
    "unlimited",
  ),
});

const timeouts = {
  requestBodyIdle: "Between two pieces of a request body; 408 after that.",
  firstByte: "From the request sent until the head of the response; 504 after that.",
  responseIdle: "Between two pieces of a response body.",
  tunnelIdle: "A tunnel (WebSocket) or event stream on which neither side moves.",
  sendIdle: "A client that does not take what is sent.",
  connect: "Until the connection to a server stands; 504 after that.",
  queue: "Waiting for a connection of a full upstream; 503 after that.",
} as const;

const RouteTimeouts = section(
  {
    requestBodyIdle: v.optional(described(duration(), timeouts.requestBodyIdle)),
    firstByte: v.optional(described(duration(), timeouts.firstByte)),
    responseIdle: v.optional(described(duration(), timeouts.responseIdle)),
    tunnelIdle: v.optional(described(duration(), timeouts.tunnelIdle)),
    sendIdle: v.optional(described(duration(), timeouts.sendIdle)),
    connect: v.optional(described(duration(), timeouts.connect)),
    queue: v.optional(described(duration(), timeouts.queue)),
  },
  {
    requestHead: TIMEOUT_SERVER_WIDE,
    keepAliveIdle: TIMEOUT_SERVER_WIDE,
    poolIdle: "set it in the top-level `timeouts`, or as the upstream's pool.idleTimeout",
    drain: TIMEOUT_SERVER_WIDE,
  },
);

const Timeouts = section({
  requestHead: v.optional(
    described(duration(), "From the first byte until the head of a request is complete; 408 after that."),
    formatDuration(DEFAULT_TIMEOUTS.requestHeadMs),
  ),
  requestBodyIdle: v.optional(
    described(duration(), timeouts.requestBodyIdle),
    formatDuration(DEFAULT_TIMEOUTS.requestBodyIdleMs),
  ),
  firstByte: v.optional(described(duration(), timeouts.firstByte), formatDuration(DEFAULT_TIMEOUTS.firstByteMs)),
  responseIdle: v.optional(
    described(duration(), timeouts.responseIdle),
    formatDuration(DEFAULT_TIMEOUTS.responseIdleMs),
  ),
  tunnelIdle: v.optional(described(duration(), timeouts.tunnelIdle), formatDuration(DEFAULT_TIMEOUTS.tunnelIdleMs)),
  keepAliveIdle: v.optional(
    described(duration(), "A client connection between two requests."),
    formatDuration(DEFAULT_TIMEOUTS.keepAliveIdleMs),
  ),
  sendIdle: v.optional(described(duration(), timeouts.sendIdle), formatDuration(DEFAULT_TIMEOUTS.sendIdleMs)),
  connect: v.optional(described(duration(), timeouts.connect), formatDuration(DEFAULT_TIMEOUTS.connectMs)),
  poolIdle: v.optional(
    described(duration(), "An idle connection to a server is kept this long."),
    formatDuration(DEFAULT_TIMEOUTS.poolIdleMs),
  ),
  queue: v.optional(described(duration(), timeouts.queue), formatDuration(DEFAULT_TIMEOUTS.queueMs)),
  drain: v.optional(
    described(duration(), "What is in flight when the proxy stops gets this long."),
    formatDuration(DEFAULT_TIMEOUTS.drainMs),
  ),
});

export const RouteSchema = section({
  id: v.optional(described(nameText("a name"), "What logs and `${route.id}` call it; `routes[3]` when left out.")),
  match: v.optional(described(Match, "Which requests; everything when left out. All keys given must hold."), {}),
  rewrite: v.optional(described(Rewrite, "Changes the path sent upstream; one of the keys below.")),
  host: v.optional(described(template("a host name"), "The `Host` sent upstream; the client's when left out.")),
  request: v.optional(described(FieldEdits, "Header changes on the way upstream.")),
  response: v.optional(described(FieldEdits, "Header changes on the way to the client.")),
  upstream: v.optional(described(text("the name of an upstream"), "Action: forward to this upstream.")),
  redirect: v.optional(described(Redirect, "Action: send the client elsewhere.")),
  respond: v.optional(described(Respond, "Action: a fixed response.")),
  limits: v.optional(described(RouteLimits, "Override the top-level `limits`.")),
  timeouts: v.optional(described(RouteTimeouts, "Override the upstream's and the top-level `timeouts`.")),
  upgrade: v.optional(described(flag(), "Whether WebSocket and other upgrades pass."), true),
});

export const ListenerSchema = either(
  [listenAddress, Listener],
  'an address such as "127.0.0.1:8080", or a map with address',
);
export const UpstreamSchema = Upstream;

export const ConfigSchema = section({
  $schema: v.optional(described(v.string("expected text"), "Where editors find the JSON Schema; not looked at.")),
  include: v.optional(
    described(
      oneOrMore(text("a file name or glob"), "a file name or glob"),
      "Other files to read, relative to this one; `*`, `?` and `**` are wildcards.",
    ),
  ),
  listeners: described(list(ListenerSchema), "Where clients connect: addresses, or maps with the keys below."),
  upstreams: v.optional(described(table(NAME, NAME_RIGHT, Upstream), "Named groups of servers."), {}),
  routes: described(list(RouteSchema), "What happens with which request; docs/configuration.md says which route wins."),
  limits: v.optional(described(Limits, "Sizes and counts beyond which a request is refused."), {}),
  timeouts: v.optional(described(Timeouts, "How long anything may take; `24d` at most."), {}),
  trustedProxies: v.optional(
    described(
      oneOrMore(text("an address or block", trustedProblem), "an address or block"),
      "Addresses and blocks whose `X-Forwarded-*` and `Forwarded` are believed; `unix` for UNIX sockets.",
    ),
  ),
  via: v.optional(described(flag(), "Whether `Via` is added to requests and responses."), true),
  forwarded: v.optional(
    described(flag(), "Whether `Forwarded` (RFC 7239) is sent upstream beside `X-Forwarded-*`."),
    false,
  ),
  log: v.optional(
    described(
      section({
        access: v.optional(described(flag(), "One line per finished request on standard output."), false),
        format: v.optional(described(choice(["json", "text"]), "How the lines look."), "json"),
      }),
      "Failed requests are always logged, on standard error.",
    ),
    {},
  ),
});

/** What may be written. */
export type Config = v.InferInput<typeof ConfigSchema>;
/** What it means, defaults filled in. */
export type ParsedConfig = v.InferOutput<typeof ConfigSchema>;
export type ParsedRoute = v.InferOutput<typeof RouteSchema>;
export type ParsedUpstream = v.InferOutput<typeof Upstream>;
export type ParsedListener = v.InferOutput<typeof ListenerSchema>;

function problemOf(result: object): string | null {
  return "problem" in result && typeof result.problem === "string" ? result.problem : null;
}

function trustedProblem(value: string): string | null {
  return value === "unix" ? null : addressBlockProblem(value);
}

function redirectStatus({ dataset, addIssue }: v.RawCheckContext<number>): void {
  if (dataset.typed && !REDIRECT_STATUSES.some((status) => status === dataset.value)) {
    addIssue({ message: `${dataset.value}: a redirect is one of ${REDIRECT_STATUSES.join(", ")}` });
  }
}
