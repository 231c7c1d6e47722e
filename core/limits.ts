/**
 * What peers, hooks and configurations may take: unit in the name, default, and why. Of the constants below `Limits`
 * and `Timeouts` some are defaults of options, too. What only tunes one file stands there.
 */

export interface Limits {
  /** Longest request-target; more is 414. Single sign-on and search URLs reach 8 KiB. */
  readonly targetBytesMax: number;
  /** Whole request head, request line included; more is 431. */
  readonly requestHeadBytesMax: number;
  /** Field lines in a request head; more is 431. (Cookies in one line are one field; HTTP/2 splits them.) */
  readonly requestFieldsMax: number;
  /** One field name; more is 431 (or 502). */
  readonly fieldNameBytesMax: number;
  /** Whole response head; more is 502. */
  readonly responseHeadBytesMax: number;
  readonly responseFieldsMax: number;
  /** Chunk extensions are dropped, so they only cost us. */
  readonly chunkExtensionBytesMax: number;
  readonly chunkExtensionsPerMessageBytesMax: number;
  readonly trailerBytesMax: number;
  readonly trailerFieldsMax: number;
  /** 1xx answers forwarded for one request; more is 502. */
  readonly interimResponsesMax: number;
  /** Request body; more is 413. Infinity streams whatever comes. */
  readonly requestBodyBytesMax: number;
  /** What of a request body is kept for a second try; larger ones are not tried again once sent. */
  readonly replayBytesMax: number;
  /** Bytes per second of a client we wait for, averaged after RATE_GRACE_MS: against drip-fed bodies (S03, S04). */
  readonly rateBytesPerSecondMin: number;
  /** Client connections in all; Infinity leaves it to the descriptor limit. */
  readonly clientConnectionsMax: number;
  /** Client connections of one address, or of one /64 of IPv6; more are reset at once. Infinity: CDNs and NATs are one address. */
  readonly connectionsPerAddressMax: number;
  /** Requests under way in all; more are 503. Infinity leaves it to the connections. */
  readonly inFlightMax: number;
  /** What may be kept for second tries in all; beyond, requests are streamed and not tried again (Q05). */
  readonly replayTotalBytesMax: number;
}

export interface Timeouts {
  /** From the first byte a client may send until its head is complete; absolute, against slow headers. 408. */
  readonly requestHeadMs: number;
  /** Between two pieces of a request body. 408. */
  readonly requestBodyIdleMs: number;
  /** From the request sent until the head of the response. 504. */
  readonly firstByteMs: number;
  /** Between two pieces of a response body. */
  readonly responseIdleMs: number;
  /** A tunnel or event stream on which neither side moves. */
  readonly tunnelIdleMs: number;
  /** A client connection between requests. */
  readonly keepAliveIdleMs: number;
  /** A response that is silent after its client has ended its own half: it may be gone, or only wait. */
  readonly halfClosedMs: number;
  /** A client that doesn't take what we send. */
  readonly sendIdleMs: number;
  /** TCP connect to an upstream. 504. */
  readonly connectMs: number;
  /** An idle upstream connection in the pool. */
  readonly poolIdleMs: number;
  /** Waiting for a connection of a full upstream. 503. */
  readonly queueMs: number;
  /** What is in flight when the proxy stops gets this long. */
  readonly drainMs: number;
  /** So long the proxy goes on accepting when it is told to stop, for whoever sends it traffic to notice. */
  readonly drainDelayMs: number;
  /** From the request until the end of its response, all tries and pauses included; Infinity for no such bound. 504. */
  readonly totalMs: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  targetBytesMax: 16 * 1024,
  requestHeadBytesMax: 32 * 1024,
  requestFieldsMax: 100,
  fieldNameBytesMax: 256,
  responseHeadBytesMax: 64 * 1024,
  responseFieldsMax: 200,
  chunkExtensionBytesMax: 256,
  chunkExtensionsPerMessageBytesMax: 4 * 1024,
  trailerBytesMax: 4 * 1024,
  trailerFieldsMax: 16,
  interimResponsesMax: 8,
  requestBodyBytesMax: Number.POSITIVE_INFINITY,
  replayBytesMax: 64 * 1024,
  rateBytesPerSecondMin: 500,
  clientConnectionsMax: Number.POSITIVE_INFINITY,
  connectionsPerAddressMax: Number.POSITIVE_INFINITY,
  inFlightMax: Number.POSITIVE_INFINITY,
  replayTotalBytesMax: 64 * 1024 * 1024,
});

export const DEFAULT_TIMEOUTS: Timeouts = Object.freeze({
  requestHeadMs: 10_000,
  requestBodyIdleMs: 60_000,
  firstByteMs: 60_000,
  responseIdleMs: 60_000,
  tunnelIdleMs: 3_600_000,
  keepAliveIdleMs: 75_000,
  halfClosedMs: 30_000,
  sendIdleMs: 60_000,
  connectMs: 3_000,
  poolIdleMs: 60_000,
  queueMs: 5_000,
  drainMs: 30_000,
  drainDelayMs: 0,
  totalMs: Number.POSITIVE_INFINITY,
});

/** How long a hook may take. */
export const HOOK_TIMEOUT_MS = 1_000;

/** A hook that computes for longer in one go has kept everybody waiting: it has failed, whatever it answers. */
export const HOOK_BLOCK_MS = 50;

/** How long `onUnload` may take. */
export const UNLOAD_MS = 5_000;

/** A hook rests when so many calls, and such a share of all within the window, have failed. */
export const HOOK_BREAKER_FAILURES_MIN = 5;
export const HOOK_BREAKER_SHARE = 0.5;
export const HOOK_BREAKER_WINDOW_MS = 10_000;
/** How long, at first; twice as long each time after that. */
export const HOOK_REST_MS_MIN = 1_000;
export const HOOK_REST_MS_MAX = 30_000;

/** Fields that one answer of a hook may change. */
export const EDITED_FIELDS_MAX = 100;

/** Calls of one hook that nobody waits for, or not any more, and that have not ended: beyond, it is not called. */
export const HOOK_CALLS_HUNG_MAX = 1_000;

/** Servers in no list that hooks have chosen: kept at once, for so long after the last request for one. */
export const TARGETS_MAX = 10_000;
export const TARGET_IDLE_MS = 60_000;
/** The same of a name without any address: it costs questions, and no connection is lost with it. */
export const TARGET_FAILED_IDLE_MS = 5_000;
/** The first requests for a name wait so long for its addresses. */
export const TARGET_NAME_MS = 3_000;

/** Values kept by `context.cache`, and beside them keys without one: nothing there, failed, loading for the first time. */
export const CACHE_VALUES_MAX = 100_000;
export const CACHE_EMPTY_MAX = 10_000;
/** Of a full cache so many of those used least recently are looked at for one that is of no use any more. */
export const CACHE_LOOKED_AT_MAX = 32;
/** A longer key is not kept. */
export const CACHE_KEY_LENGTH_MAX = 1_024;
/** Loads that nobody waits for any more and that have not ended: beyond, loading has failed at once. */
export const CACHE_LOADS_HUNG_MAX = 1_000;
/** After a load that failed the next one of that key comes so much later, twice as late each time. */
export const CACHE_RETRY_MS_MIN = 100;
export const CACHE_RETRY_MS_MAX = 1_000;
/** Failing loads are told of so often at most. */
export const CACHE_NOTICE_MS = 10_000;

/** Of a stream's chunk so many bytes go on at once, and so many wait in front of a stream until they are read. */
export const STREAM_PIECE_BYTES_MAX = 64 * 1024;
export const STREAM_AHEAD_BYTES_MAX = 64 * 1024;

/** The tick may be so late before a stream of a hook that always has more is read no further: everybody waits for it. */
export const STREAM_TURN_MS_MAX = 100;

/** Of a body that a hook may fail to transform, so that it can go on as it was. */
export const TRANSFORM_KEPT_BYTES_MAX = 64 * 1024;

/** Empty chunks in a row: a stream of nothing else would keep everybody waiting. */
export const EMPTY_CHUNKS_MAX = 1_000;

/** Waiting time before a peer's rate counts. */
export const RATE_GRACE_MS = 10_000;

/** Idle connections kept per upstream server, requests that may wait for one. */
export const POOL_IDLE_MAX = 64;
/** How long those beyond are kept: a burst comes in waves, and the next one would have to make them all again. */
export const POOL_BURST_IDLE_MS = 1_000;
export const POOL_QUEUE_MAX = 1_024;

/** Further tries of a request, and what all of them may cost: per request on average, and per second beside that. */
export const RETRY_ATTEMPTS = 1;
export const RETRY_BUDGET_SHARE = 0.1;
export const RETRY_BUDGET_PER_SECOND = 3;

/** What of the retry budget is saved up for the moment when a server fails with all it has in flight. */
export const RETRY_BUDGET_REQUESTS = 1_000;
export const RETRY_BUDGET_SECONDS = 10;

/** The bound of the first random pause before a further try; it doubles, up to the second number. */
export const RETRY_BACKOFF_BASE_MS = 25;
export const RETRY_BACKOFF_MAX_MS = 250;

/** Servers up to which `method: auto` looks at each (rendezvous); a Maglev table beyond, which costs the same for any number. */
export const RENDEZVOUS_SERVERS_MAX = 100;

/** Points of a hash ring: 13,107 servers of weight 1, some 25 MiB; with more in all, each server gets fewer. */
export const RING_POINTS_MAX = 2_097_152;

/** A secret of fewer bytes can be guessed. */
export const STICKY_SECRET_BYTES_MIN = 16;

/** Highest `priority` of a server: as many as anybody can tell apart. */
export const SERVER_PRIORITY_MAX = 127;
/** A cap of a breaker counts as reached until nothing was refused for so long. */
export const BREAKER_CALM_MS = 1_000;

/** Bytes queued towards one socket before its source is paused; half of it starts the source again. */
export const HIGH_WATER_BYTES = 128 * 1024;

/** Empty lines skipped before a request line (RFC 9112 section 2.2 asks for at least one). */
export const LEADING_EMPTY_LINES_MAX = 8;

/** Longest method; the longest registered one has 17 letters, private ones are rarely longer. */
export const METHOD_BYTES_MAX = 64;

/** Hexadecimal digits of a chunk size: 13 stay below 2^53, where every integer is exact. */
export const CHUNK_SIZE_DIGITS_MAX = 13;

/** Options in `Connection`: more is an attack on whoever walks them. */
export const CONNECTION_OPTIONS_MAX = 32;

/** Own address in `Via` this often means a loop (RFC 9110 section 7.6.3). */
export const VIA_MAX = 10;

/** Addresses read from X-Forwarded-For; what is further left was written by strangers anyway. */
export const FORWARDED_HOPS_MAX = 64;

/**
 * What we read of a body that nobody wants: to keep the connection, or before closing, so that the client can read our
 * answer instead of a reset.
 */
export const LINGER_BYTES_MAX = 64 * 1024;
export const LINGER_MS = 2_000;

/** How long nothing is read of a client that has said all, where that is dear: so much later it is noticed that it has gone. */
export const REST_MS = 100;

/** A connection that is to be closed between two requests waits so long for one that is on its way. */
export const LAST_CHANCE_MS = 1_000;

/** What is new in a configuration gets so long to be ready before it takes over: one look-up and a round of checks. */
export const WARM_UP_MS = 5_000;

/** Work of a reload goes on for so long, then requests have their turn. */
export const SLICE_MS = 8;

/** Connections to a new listener that may wait until the configuration it belongs to takes over. */
export const EARLY_CONNECTIONS_MAX = 1_024;

/** Granularity of every timeout; the only timer the runtime runs for us. */
export const TICK_MS = 50;

/** A client connection may be ended under pressure when it has been idle for so long: before, a request may be on its way. */
export const EVICTABLE_AFTER_MS = 1_000;

/**
 * Silence after which the kernel asks whether a peer is still there (S07). Node and Bun let the question be repeated
 * every second, ten times, and can't be told otherwise: begun earlier, a gap of ten seconds in a mobile network would
 * end every idle tunnel. A peer that is gone is noticed within 70 s, as with 15 s, every 15 s, four times.
 */
export const TCP_KEEP_ALIVE_MS = 60_000;

/** Kernel accept queue asked for. */
export const LISTEN_BACKLOG = 1_024;

/** That none is left is told no more often. */
export const DESCRIPTORS_NOTICE_MS = 5_000;

/** Descriptors kept for what is not a proxied connection: logs, listeners, configuration files, DNS. */
export const DESCRIPTORS_RESERVED = 64;

/** A server is put out after so many failures in a row, for so long times its ejections in a row, up to a limit. */
export const EJECTION_FAILURES = 5;
export const EJECTION_BASE_MS = 10_000;
export const EJECTION_MAX_MS = 300_000;
/** More of a group out than this would overload the rest. */
export const EJECTION_SHARE_MAX = 0.5;

/** Success rates are compared this often, and an ejection is forgotten after each such time without failures. */
export const OUTLIER_INTERVAL_MS = 10_000;
/** Fewer requests or servers say nothing about who is the odd one out (Envoy's numbers). */
export const OUTLIER_REQUESTS_MIN = 100;
export const OUTLIER_SERVERS_MIN = 5;
export const OUTLIER_DEVIATIONS = 1.9;

/** With a smaller share of healthy servers than this it is more likely that the checks are wrong. */
export const PANIC_SHARE = 0.5;

/** A trial request nobody has heard of for this long no longer keeps others from trying. */
export const TRIAL_MS_MAX = 60_000;

export const CHECK_INTERVAL_MS = 5_000;
export const CHECK_FAST_INTERVAL_MS = 1_000;
export const CHECK_TIMEOUT_MS = 2_000;
export const CHECK_RISE = 2;
export const CHECK_FALL = 3;
export const CHECK_JITTER = 0.1;

/** How often a server that refused a connection is asked whether it accepts again. */
export const REFUSAL_CHECK_MS = 1_000;

/** Longer text is not looked at by a regular expression: nobody writes one for a path or field of this size. */
export const PATTERN_INPUT_MAX = 8 * 1024;
/** Work per character is bounded by the size of its program: with both limits a match stays within some 10 ms. */
export const PATTERN_PROGRAM_SIZE_MAX = 1_000;

/** Checks under way at once (Q10): each needs a descriptor, and none may hold up traffic. */
export const CHECKS_MAX = 64;
/** Of these, checks of servers that are down, which may take all the time they have: others are checked in time all the same. */
export const CHECKS_OF_DOWN_MAX = CHECKS_MAX / 2;

/** What of a response's body a check looks at; as much as a regular expression takes. */
export const CHECK_BODY_BYTES_MAX = PATTERN_INPUT_MAX;

/** The one line an agent answers with. */
export const AGENT_LINE_BYTES_MAX = 512;

/** Addresses of one name, or targets of one service, that become servers; what comes beyond in their order is left out. */
export const ADDRESSES_PER_NAME_MAX = 256;

/** Servers of one upstream that DNS brings, over all its names: a service of 256 targets has up to 65,536 addresses. */
export const FOUND_SERVERS_MAX = 4_096;

/** Servers listed in one file, and how long the file may be. */
export const SERVERS_PER_FILE_MAX = 10_000;
export const SERVER_FILE_BYTES_MAX = 1024 * 1024;

/** Questions to DNS at once: each takes a descriptor. */
export const QUESTIONS_AT_ONCE_MAX = 64;
/**
 * So many more at once, and only for others that nobody has answered for so long: most live resolvers are faster, and names
 * whose own server is dead, two questions for each, keep no other new name waiting for `dns.timeout`.
 */
export const QUESTIONS_HUNG_MAX = 192;
export const QUESTION_HUNG_MS = 250;
/** Of these, questions about names that were asked before: names that nobody answers for do not block new ones for good. */
export const REPEATED_QUESTIONS_AT_ONCE_MAX = QUESTIONS_AT_ONCE_MAX / 2;
/** And of those, about names that had no answer the last time: they do not keep others from being asked at the end of their TTL. */
export const FAILING_QUESTIONS_AT_ONCE_MAX = REPEATED_QUESTIONS_AT_ONCE_MAX / 2;

export const DEFAULT_DNS = Object.freeze({ ttlMsMin: 1_000, ttlMsMax: 300_000, timeoutMs: 2_000 });

/** What `dns` may be set to: asked more often than this, a resolver would take us for an attack. */
export const DNS_TTL_MS_LEAST = 100;
export const DNS_TIMEOUT_MS_LEAST = 100;

/** After a name could not be resolved it is asked for again so much later, twice as late each time. */
export const DNS_RETRY_MS_MIN = 1_000;
export const DNS_RETRY_MS_MAX = 30_000;

/** How long starting waits for the first answers of DNS before it listens without. */
export const FIRST_NAMES_MS = 2_000;

/** Lines of one kind in the log, failures of clients say: enough to see a pattern, little enough to read. */
export const LOG_LINES_PER_SECOND_MAX = 20;

/** Traces kept, and the share of the requests that do not fail which is traced, too. */
export const TRACE_KEEP = 1_000;
export const TRACE_SAMPLE_SHARE = 0.01;
/** A hundred thousand is more than anybody reads, and the bytes bound them before. */
export const TRACE_KEEP_MAX = 100_000;
/** All of them together; an ordinary one has some 2 KiB. */
export const TRACE_BYTES_MAX = 16 * 1024 * 1024;
/** Of one trace: tries (ten further ones may be configured), servers named as skipped at each, calls of hooks, a text. */
export const TRACE_TRIES_MAX = 16;
export const TRACE_SKIPPED_MAX = 16;
export const TRACE_HOOKS_MAX = 16;
export const TRACE_TEXT_MAX = 512;
/** Servers looked at for that: of an upstream with thousands nobody walks through all while requests wait. */
export const TRACE_LOOKED_AT_MAX = 256;

/** What an attacker can put into one field of a line (M08). */
export const LOG_FIELD_LENGTH_MAX = 2_048;

/** Weight of a server. */
export const SERVER_WEIGHT_MAX = 1_000;

/** Defects of ours that wait for the next tick to be thrown: the first ones tell as much as a thousand. */
export const DEFECTS_KEPT_MAX = 16;
