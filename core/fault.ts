/**
 * The closed list of what can go wrong with a peer: whose side it is, which status the client gets, and what the
 * log says. Peers' mistakes travel as these values; our own mistakes are assertions.
 */

export type FaultSide = "client" | "upstream" | "internal";

/** What went wrong: whose side it is on, and what the client is answered. */
export interface Fault {
  /** Stable, for logs and counters: `client.bare-lf`. */
  readonly code: string;
  readonly side: FaultSide;
  /** What the client is answered while nothing was sent; afterwards the response is visibly cut. */
  readonly status: number;
  /** One sentence for the log and the answer. Names no secrets and no bytes of the peer's. */
  readonly reason: string;
}

/** Whether a client may hear of it. 0 is for clients that take nothing, 499 for the log: that client has gone. */
export function isAnswered({ status }: Fault): boolean {
  return status !== 0 && status !== 499;
}

/**
 * Ways to refuse a message, shared by both sides: parsers answer `-index`. From a client they become its status;
 * from an upstream always 502.
 */
const REFUSALS = [
  ["", 0, ""],
  ["bare-lf", 400, "a line ended with LF alone; lines end with CR LF"],
  ["bare-cr", 400, "a CR stood without LF behind it"],
  ["too-many-empty-lines", 400, "too many empty lines before the request"],
  ["bad-method", 400, "the method is not a token or too long"],
  ["bad-request-line", 400, "the request line is not `METHOD target HTTP/1.1`"],
  ["bad-version", 400, "the version is not HTTP/1.0 or HTTP/1.1"],
  ["unsupported-version", 505, "this listener speaks HTTP/1.0 and HTTP/1.1"],
  ["bad-target", 400, "the request target holds a byte that must be percent-encoded or is not of a known form"],
  ["target-too-long", 414, "the request target is longer than `limits.target`"],
  ["head-too-large", 431, "the head is larger than `limits.requestHead` (or `limits.responseHead`)"],
  ["too-many-fields", 431, "the head has more fields than `limits.requestFields` (or `limits.responseFields`)"],
  ["name-too-long", 431, "a field name is longer than `limits.fieldName`"],
  ["bad-field-name", 400, "a field name is empty or holds a byte that is not allowed in a token"],
  ["space-before-colon", 400, "white space stood between a field name and its colon"],
  ["no-colon", 400, "a field line has no colon"],
  ["folded-line", 400, "a field line began with white space"],
  ["bad-field-value", 400, "a field value holds a control character"],
  ["bad-status-line", 502, "the status line is not `HTTP/1.1 200 reason`"],
  ["bad-content-length", 400, "Content-Length is not one plain decimal number"],
  ["content-length-too-large", 413, "Content-Length is beyond what can be counted exactly"],
  ["length-and-chunked", 400, "Content-Length and Transfer-Encoding stood in one message"],
  ["bad-transfer-encoding", 400, "Transfer-Encoding is not exactly `chunked`, once"],
  ["unknown-transfer-coding", 501, "a transfer coding other than `chunked` was used"],
  ["chunked-http-1.0", 400, "Transfer-Encoding stood in an HTTP/1.0 message"],
  ["bad-chunk-size", 400, "a chunk size is not a plain hexadecimal number"],
  ["chunk-too-large", 400, "a chunk size is beyond what can be counted exactly"],
  ["bad-chunk-extension", 400, "a chunk extension is malformed or too long"],
  ["bad-chunk-end", 400, "a chunk was not followed by CR LF"],
  ["bad-trailer", 400, "a trailer field is malformed"],
  ["trailers-too-large", 431, "the trailers exceed `limits.trailers` or `limits.trailerFields`"],
  ["bad-host", 400, "Host is missing, given twice, or not a host name with an optional port"],
  ["authority-mismatch", 400, "the request target and Host name different hosts"],
  ["wrong-scheme", 421, "the request target's scheme is not the one of this listener"],
  ["method-not-allowed", 405, "CONNECT and TRACE are not served"],
  ["duplicate-singleton", 400, "a field that may stand once was sent twice"],
  ["bad-connection", 400, "Connection holds too many options, one that is not a token, or one that may not be named"],
  ["bad-expect", 417, "Expect asks for something other than 100-continue"],
  ["bad-websocket", 400, "the WebSocket handshake is incomplete, of another version than 13, or has a body"],
  ["bad-path", 400, "the path can be read in two ways or holds a bad escape"],
  ["interim-with-body", 400, "a 1xx response carried a length"],
] as const;

type RefusalCode = Exclude<(typeof REFUSALS)[number][0], "">;

const refusal = (code: RefusalCode): number => REFUSALS.findIndex(([each]) => each === code);

export const BARE_LF = refusal("bare-lf");
export const BARE_CR = refusal("bare-cr");
export const TOO_MANY_EMPTY_LINES = refusal("too-many-empty-lines");
export const BAD_METHOD = refusal("bad-method");
export const BAD_REQUEST_LINE = refusal("bad-request-line");
export const BAD_VERSION = refusal("bad-version");
export const UNSUPPORTED_VERSION = refusal("unsupported-version");
export const BAD_TARGET = refusal("bad-target");
export const TARGET_TOO_LONG = refusal("target-too-long");
export const HEAD_TOO_LARGE = refusal("head-too-large");
export const TOO_MANY_FIELDS = refusal("too-many-fields");
export const NAME_TOO_LONG = refusal("name-too-long");
export const BAD_FIELD_NAME = refusal("bad-field-name");
export const SPACE_BEFORE_COLON = refusal("space-before-colon");
export const NO_COLON = refusal("no-colon");
export const FOLDED_LINE = refusal("folded-line");
export const BAD_FIELD_VALUE = refusal("bad-field-value");
export const BAD_STATUS_LINE = refusal("bad-status-line");
export const BAD_CONTENT_LENGTH = refusal("bad-content-length");
export const CONTENT_LENGTH_TOO_LARGE = refusal("content-length-too-large");
export const LENGTH_AND_CHUNKED = refusal("length-and-chunked");
export const BAD_TRANSFER_ENCODING = refusal("bad-transfer-encoding");
export const UNKNOWN_TRANSFER_CODING = refusal("unknown-transfer-coding");
export const CHUNKED_HTTP_1_0 = refusal("chunked-http-1.0");
export const BAD_CHUNK_SIZE = refusal("bad-chunk-size");
export const CHUNK_TOO_LARGE = refusal("chunk-too-large");
export const BAD_CHUNK_EXTENSION = refusal("bad-chunk-extension");
export const BAD_CHUNK_END = refusal("bad-chunk-end");
export const BAD_TRAILER = refusal("bad-trailer");
export const TRAILERS_TOO_LARGE = refusal("trailers-too-large");
export const BAD_HOST = refusal("bad-host");
export const AUTHORITY_MISMATCH = refusal("authority-mismatch");
export const WRONG_SCHEME = refusal("wrong-scheme");
export const METHOD_NOT_ALLOWED = refusal("method-not-allowed");
export const DUPLICATE_SINGLETON = refusal("duplicate-singleton");
export const BAD_CONNECTION = refusal("bad-connection");
export const BAD_EXPECT = refusal("bad-expect");
export const BAD_WEBSOCKET = refusal("bad-websocket");
export const BAD_PATH = refusal("bad-path");
export const INTERIM_WITH_BODY = refusal("interim-with-body");

const CLIENT_REFUSALS: readonly Fault[] = REFUSALS.map(([code, status, reason]) =>
  fault(`client.${code}`, status, reason),
);
const UPSTREAM_REFUSALS: readonly Fault[] = REFUSALS.map(([code, , reason]) => fault(`upstream.${code}`, 502, reason));

/** The fault for a parser's negative answer about a client's bytes. */
export function clientRefusal(answer: number): Fault {
  return CLIENT_REFUSALS[-answer]!;
}

/** The fault for a parser's negative answer about an upstream's bytes. */
export function upstreamRefusal(answer: number): Fault {
  return UPSTREAM_REFUSALS[-answer]!;
}

/** Whether an upstream's bytes were no acceptable response. */
export function isUpstreamRefusal(reason: Fault): boolean {
  return UPSTREAM_REFUSALS.includes(reason);
}

export const CLIENT_HEAD_TIMEOUT = fault(
  "client.head-timeout",
  408,
  "the head was not complete within `timeouts.requestHead`",
);
export const CLIENT_BODY_TIMEOUT = fault(
  "client.body-timeout",
  408,
  "the body stood still for `timeouts.requestBodyIdle`",
);
export const CLIENT_TOO_SLOW = fault("client.too-slow", 408, "the body came slower than `limits.minimumRate`");
export const CLIENT_SEND_TIMEOUT = fault(
  "client.send-timeout",
  0,
  "the client did not take the response for `timeouts.sendIdle`",
);
export const CLIENT_READS_TOO_SLOWLY = fault(
  "client.reads-too-slowly",
  0,
  "the client took the response slower than `limits.minimumRate`",
);
export const CLIENT_CLOSED = fault("client.closed", 499, "the client closed before the exchange was complete");
export const CLIENT_RESET = fault("client.reset", 499, "the client reset the connection");
export const BODY_TOO_LARGE = fault(
  "client.body-too-large",
  413,
  "the request body is larger than `limits.requestBody`",
);
export const NO_ROUTE = fault("client.no-route", 404, "no route matches this host and path");
export const UNKNOWN_METHOD = fault(
  "client.unknown-method",
  501,
  "the program that is mounted on the route cannot be asked by this method",
);
export const LOOP = fault("client.loop", 508, "the request went through this proxy too often");

export const OVERLOADED = fault("internal.overloaded", 503, "more requests are under way than `limits.inFlight`");

export const HOOK_FAILED = fault(
  "internal.hook-failed",
  503,
  "a hook threw, took too long, answered nonsense, or rests because it did so too often",
);
export const ANSWER_FAILED = fault(
  "internal.answer-failed",
  502,
  "the Response of a hook or a mounted program was none, or its body failed, held no bytes, or was not as long as it said",
);
export const ANSWER_TIMEOUT = fault(
  "internal.answer-timeout",
  504,
  "the body of a Response stood still for `timeouts.responseIdle`",
);
export const MOUNT_FAILED = fault("internal.mount-failed", 500, "the program that is mounted on the route threw");
export const MOUNT_TIMEOUT = fault(
  "internal.mount-timeout",
  504,
  "the program that is mounted on the route had not answered within `timeouts.firstByte`",
);
export const NO_DECISION = fault("internal.no-decision", 503, "a hook chose no upstream, or one that is not there");

export const TARGET_NOT_ALLOWED = fault(
  "internal.target-not-allowed",
  502,
  "a hook chose a target that has no address inside `allowTargets` of the configuration",
);

export const CONNECT_FAILED = fault("upstream.connect-failed", 502, "no connection to the server could be made");
export const CONNECT_REFUSED = fault("upstream.connect-refused", 502, "the server refused the connection");
export const NO_SOCKET = fault("upstream.no-socket", 502, "there is no UNIX socket at the path of the server");
export const CONNECT_DENIED = fault(
  "upstream.connect-denied",
  502,
  "this process may not connect to the server: rights of its socket or folders, a firewall, or Deno's permissions",
);
export const CONNECT_TIMEOUT = fault(
  "upstream.connect-timeout",
  504,
  "the server did not accept within `timeouts.connect`",
);
export const UNREACHABLE = fault("upstream.unreachable", 502, "there is no route to the server");
export const LOCAL_RESOURCES = fault("internal.local-resources", 503, "no descriptor was left to connect with");
export const NO_LOCAL_PORT = fault(
  "internal.no-local-port",
  503,
  "no local port was left for a connection to the server",
);
export const FIRST_BYTE_TIMEOUT = fault(
  "upstream.first-byte-timeout",
  504,
  "no response began within `timeouts.firstByte`",
);
export const TRY_TIMEOUT = fault(
  "upstream.try-timeout",
  504,
  "no response began within `retries.perTryTimeout` of the upstream",
);
export const TOTAL_TIMEOUT = fault(
  "upstream.total-timeout",
  504,
  "the response was not complete within `timeouts.total`",
);
export const RESPONSE_TIMEOUT = fault(
  "upstream.response-timeout",
  504,
  "the response stood still for `timeouts.responseIdle`",
);
export const UPSTREAM_SEND_TIMEOUT = fault(
  "upstream.send-timeout",
  504,
  "the server did not take the request for `timeouts.sendIdle`",
);
export const UPSTREAM_CLOSED = fault("upstream.closed", 502, "the server closed before a response");
export const UPSTREAM_RESET = fault(
  "upstream.reset",
  502,
  "the server reset the connection, before a response or in a tunnel",
);
export const STRAY_BODY = fault(
  "upstream.stray-body",
  502,
  "the server sent a body behind its response before, which could have none, where this one would begin",
);
export const RESPONSE_TRUNCATED = fault("upstream.truncated", 502, "the server closed in the middle of the response");
export const UNEXPECTED_UPGRADE = fault(
  "upstream.unexpected-upgrade",
  502,
  "the server switched protocols without being asked",
);
export const TOO_MANY_INTERIM = fault(
  "upstream.too-many-interim",
  502,
  "the server sent more 1xx responses than `limits.interimResponses`",
);
export const TUNNEL_IDLE = fault("client.tunnel-idle", 0, "neither side of the tunnel moved for `timeouts.tunnelIdle`");
export const QUEUE_FULL = fault("upstream.queue-full", 503, "too many requests wait for a connection to the upstream");
export const QUEUE_TIMEOUT = fault(
  "upstream.queue-timeout",
  503,
  "no connection to the upstream became free within `pool.queueTimeout`",
);
export const BREAKER_OPEN = fault(
  "upstream.breaker-open",
  503,
  "the upstream has as many requests or connections as `breaker` allows",
);
export const NO_SERVER = fault(
  "upstream.no-server",
  503,
  "no server of the upstream may be asked: none is known, or all refuse connections, are down, in drain or in maintenance",
);
export const DRAINING = fault("internal.draining", 503, "the proxy is shutting down");
export const RELOADED = fault(
  "internal.reloaded",
  503,
  "the route, server or listener is no longer configured, and `timeouts.drain` is over",
);

function fault(code: `${FaultSide}.${string}`, status: number, reason: string): Fault {
  return Object.freeze({ code, side: code.slice(0, code.indexOf(".")) as FaultSide, status, reason });
}
