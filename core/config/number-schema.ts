/** Limits and timeouts: of the server with the defaults of `limits.ts`, of a route where they can differ. */

import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../limits.ts";
import { formatDuration } from "../time/duration.ts";
import { LIMIT_HINTS, ROUTE_LIMIT_HINTS, ROUTE_TIMEOUT_HINTS, TIMEOUT_HINTS } from "./foreign-names.ts";
import { count, duration, optional, section, size } from "./shapes.ts";
import { formatSize } from "./size.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

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

const SERVER_LIMITS = {
  target: optional(
    size({ min: 64, max: MIB }),
    "Request target; 414 beyond.",
    formatSize(DEFAULT_LIMITS.targetBytesMax),
  ),
  requestHead: optional(
    size({ min: KIB, max: MIB }),
    "Whole head of a request; 431 beyond.",
    formatSize(DEFAULT_LIMITS.requestHeadBytesMax),
  ),
  requestFields: optional(
    count({ min: 1, max: 10_000 }),
    "Fields in a request head; 431 beyond.",
    DEFAULT_LIMITS.requestFieldsMax,
  ),
  fieldName: optional(
    size({ min: 16, max: 64 * KIB }),
    "One header name; 431 beyond (502 from an upstream).",
    formatSize(DEFAULT_LIMITS.fieldNameBytesMax),
  ),
  responseHead: optional(...limits.responseHead, formatSize(DEFAULT_LIMITS.responseHeadBytesMax)),
  responseFields: optional(...limits.responseFields, DEFAULT_LIMITS.responseFieldsMax),
  chunkExtension: optional(
    size({ max: 64 * KIB }),
    "Extensions of one chunk; 400 beyond.",
    formatSize(DEFAULT_LIMITS.chunkExtensionBytesMax),
  ),
  chunkExtensionsPerMessage: optional(
    size({ max: MIB }),
    "Chunk extensions of one message; 400 beyond.",
    formatSize(DEFAULT_LIMITS.chunkExtensionsPerMessageBytesMax),
  ),
  trailers: optional(size({ max: MIB }), "Trailer section; 431 beyond.", formatSize(DEFAULT_LIMITS.trailerBytesMax)),
  trailerFields: optional(
    count({ max: 10_000 }),
    "Fields in a trailer section; 431 beyond.",
    DEFAULT_LIMITS.trailerFieldsMax,
  ),
  interimResponses: optional(...limits.interimResponses, DEFAULT_LIMITS.interimResponsesMax),
  requestBody: optional(...limits.requestBody, formatSize(DEFAULT_LIMITS.requestBodyBytesMax)),
  replay: optional(...limits.replay, formatSize(DEFAULT_LIMITS.replayBytesMax)),
  minimumRate: optional(...limits.minimumRate, formatSize(DEFAULT_LIMITS.rateBytesPerSecondMin)),
  clientConnections: optional(
    count({ min: 1, unlimited: true }),
    "Client connections at once; `unlimited` leaves it to the descriptor limit.",
    "unlimited",
  ),
  connectionsPerAddress: optional(
    count({ min: 1, unlimited: true }),
    "Client connections of one address at once (IPv6: of one /64); further ones are reset. Trusted proxies and UNIX sockets are not counted.",
    "unlimited",
  ),
  inFlight: optional(
    count({ min: 1, unlimited: true }),
    "Requests under way in all; 503 with `Retry-After` beyond.",
    "unlimited",
  ),
  replayTotal: optional(
    size({ max: 64 * 1024 * MIB }),
    "Memory for what is kept for second tries, in all; beyond, bodies are only streamed.",
    formatSize(DEFAULT_LIMITS.replayTotalBytesMax),
  ),
} as const;

export const Limits = section(SERVER_LIMITS, LIMIT_HINTS);

export const RouteLimits = section(
  {
    responseHead: optional(...limits.responseHead),
    responseFields: optional(...limits.responseFields),
    interimResponses: optional(...limits.interimResponses),
    requestBody: optional(...limits.requestBody),
    replay: optional(...limits.replay),
    minimumRate: optional(...limits.minimumRate),
  },
  { ...serverWide(SERVER_LIMITS, "limits"), ...ROUTE_LIMIT_HINTS },
);

const timeouts = {
  requestBodyIdle: "Between two pieces of a request body; 408 after that.",
  firstByte:
    "From the request sent until the head of the response, or until the 100 that its client waits for; 504 after that.",
  responseIdle: "Between two pieces of a response body.",
  tunnelIdle: "A tunnel (WebSocket) or event stream on which neither side moves.",
  halfClosed: "A response that stays silent after its client has ended its own half of the connection.",
  sendIdle: "A client that does not take what is sent.",
  connect: "Until the connection to a server stands; 504 after that.",
  queue: "Waiting for a connection of a full upstream; 503 after that.",
  total:
    "A request with all its tries, until the end of the response: 504 after that, or a cut once it has begun. It counts from the first try; what `onRequest` and `decide` take is theirs. Unlimited when left out; tunnels are exempt.",
} as const;

const SERVER_TIMEOUTS = {
  requestHead: optional(
    duration(),
    "From the first byte until the head of a request is complete; 408 after that.",
    formatDuration(DEFAULT_TIMEOUTS.requestHeadMs),
  ),
  requestBodyIdle: optional(duration(), timeouts.requestBodyIdle, formatDuration(DEFAULT_TIMEOUTS.requestBodyIdleMs)),
  firstByte: optional(duration(), timeouts.firstByte, formatDuration(DEFAULT_TIMEOUTS.firstByteMs)),
  responseIdle: optional(duration(), timeouts.responseIdle, formatDuration(DEFAULT_TIMEOUTS.responseIdleMs)),
  tunnelIdle: optional(duration(), timeouts.tunnelIdle, formatDuration(DEFAULT_TIMEOUTS.tunnelIdleMs)),
  keepAliveIdle: optional(
    duration(),
    "A client connection between two requests.",
    formatDuration(DEFAULT_TIMEOUTS.keepAliveIdleMs),
  ),
  halfClosed: optional(duration(), timeouts.halfClosed, formatDuration(DEFAULT_TIMEOUTS.halfClosedMs)),
  sendIdle: optional(duration(), timeouts.sendIdle, formatDuration(DEFAULT_TIMEOUTS.sendIdleMs)),
  connect: optional(duration(), timeouts.connect, formatDuration(DEFAULT_TIMEOUTS.connectMs)),
  poolIdle: optional(
    duration(),
    "An idle connection to a server is kept this long.",
    formatDuration(DEFAULT_TIMEOUTS.poolIdleMs),
  ),
  queue: optional(duration(), timeouts.queue, formatDuration(DEFAULT_TIMEOUTS.queueMs)),
  drain: optional(
    duration(),
    "What is in flight when the proxy stops, or a reload takes its route away, gets this long.",
    formatDuration(DEFAULT_TIMEOUTS.drainMs),
  ),
  drainDelay: optional(
    duration({ mayBeNone: true }),
    "How long a proxy that is told to stop goes on accepting, saying `Connection: close`, before it drains.",
    formatDuration(DEFAULT_TIMEOUTS.drainDelayMs),
  ),
  total: optional(duration(), timeouts.total),
} as const;

export const Timeouts = section(SERVER_TIMEOUTS, TIMEOUT_HINTS);

export const RouteTimeouts = section(
  {
    requestBodyIdle: optional(duration(), timeouts.requestBodyIdle),
    firstByte: optional(duration(), timeouts.firstByte),
    responseIdle: optional(duration(), timeouts.responseIdle),
    tunnelIdle: optional(duration(), timeouts.tunnelIdle),
    halfClosed: optional(duration(), timeouts.halfClosed),
    sendIdle: optional(duration(), timeouts.sendIdle),
    connect: optional(duration(), timeouts.connect),
    queue: optional(duration(), timeouts.queue),
    total: optional(duration(), timeouts.total),
  },
  {
    ...serverWide(SERVER_TIMEOUTS, "timeouts"),
    ...ROUTE_TIMEOUT_HINTS,
    poolIdle: "set it in the top-level `timeouts`, or as the upstream's pool.idleTimeout",
  },
);

/** As the core calls them, with their unit: `connect` is `connectMs`. */
export function inMs<T extends object>(durations: T): { [K in keyof T & string as `${K}Ms`]: T[K] } {
  return Object.fromEntries(Object.entries(durations).map(([key, ms]) => [`${key}Ms`, ms])) as never;
}

/** What to say of these where only a route's may stand. */
function serverWide(entries: object, where: string): Record<string, string> {
  const hint = `it holds for the whole server; set it in the top-level \`${where}\``;
  return Object.fromEntries(Object.keys(entries).map((key) => [key, hint]));
}
