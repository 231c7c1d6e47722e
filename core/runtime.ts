/**
 * The port: everything the core may ask of the world. One adapter per runtime implements it
 * (`adapters/node.ts`, `adapters/deno.ts`, `adapters/bun.ts`) and one simulated runtime for tests
 * (`testing/sim.ts`). Types only; the promises each adapter makes are written beside the member
 * that makes them and executed by `test/adapters/contract.ts`.
 *
 * An adapter knows no HTTP, keeps no timers and decides no policy: deadlines, limits and retries
 * live above the port, so that a fourth runtime brings sockets and no more. (The one exception is `resolve`, which is the same
 * code on every runtime: how long a server of DNS is waited for belongs to asking it.)
 */

/** Where a socket listens or connects. */
export type Address = TcpAddress | UnixAddress;

export interface TcpAddress {
  readonly kind: "tcp";
  /** An IP address (names are resolved by `resolve`, never by connecting); `""` listens on every address. */
  readonly host: string;
  /** 0 lets the system choose when listening. */
  readonly port: number;
}

export interface UnixAddress {
  readonly kind: "unix";
  /** A file system path. */
  readonly path: string;
}

/**
 * The closed list of socket failures; every adapter translates its runtime's errors into these. EMFILE: this process may open no more
 * descriptors; ENFILE: the system has none left.
 */
export type SocketErrorCode =
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "EPIPE"
  | "ETIMEDOUT"
  | "EHOSTUNREACH"
  | "ENETUNREACH"
  | "ENOTFOUND"
  | "ENOENT"
  | "EACCES"
  | "EDENIED"
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EMFILE"
  | "ENFILE"
  | "ECANCELED"
  | "EUNSUPPORTED"
  | "EUNKNOWN";

/** Why a connection failed, by a closed list of codes. EDENIED: the runtime itself permits it not, and its words say what to do. */
export interface SocketError {
  readonly code: SocketErrorCode;
  /** The runtime's own words, for the log; never parsed. */
  readonly message: string;
}

/** What a socket tells its owner. One object may serve many sockets. */
export interface SocketHandler {
  /**
   * `bytes[start, end)` came; never nothing. The receiver owns that chunk from here on, and the adapter doesn't touch it again
   * before `release`. What lies around it in `bytes` is somebody else's.
   */
  onData(socket: Socket, bytes: Uint8Array, start: number, end: number): void;
  /** Once for every `write` that answered false, when the queue has fallen to the low mark or below. */
  onDrain(socket: Socket): void;
  /** The peer sent FIN. At most once, after the last `onData`; writing is still allowed. */
  onEnd(socket: Socket): void;
  /**
   * Exactly once and last, never from inside a call the owner made. `error` is null after an orderly
   * end, `destroy` or `reset` of our own; ECONNRESET when the peer reset the connection. After a write that failed,
   * what the peer had said before is told first. An accepted socket that is paused is closed at once then.
   */
  onClose(socket: Socket, error: SocketError | null): void;
}

/**
 * One connected stream. It starts paused: the adapter reads nothing before the first `resume`, so that
 * a later TLS or PROXY-protocol step finds every byte still in the kernel. Half-close is always allowed.
 */
export interface Socket {
  /** May be replaced at any time; the next event goes to the new one. */
  handler: SocketHandler;
  readonly local: Address;
  readonly peer: Address;
  /** Null on a plain connection. */
  readonly tls: TlsInfo | null;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /**
   * Queues `bytes`, which belong to the adapter from now on (it may recycle them). False: the queue is
   * above the high mark, wait for `onDrain`. After `end`, `destroy` or `reset` it does nothing and answers true.
   */
  write(bytes: Uint8Array): boolean;
  /** `write(bytes.subarray(start, end))`, without making the view where the runtime can do without. */
  writeRange(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * The same of what goes in front of the next `writeRange`, which must follow at once and answers for both: with as few system
   * calls as the runtime allows.
   */
  writeMore(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Gives a whole chunk back, by the `bytes` that `onData` of this socket brought it in: each part of it was written (to any
   * socket) or is not wanted. Once for each chunk. Nobody may look at it again, for the adapter may read into the same memory. Saying
   * nothing is fine, too.
   */
  release(bytes: Uint8Array): void;
  /** FIN once the queue is written. Reading goes on. */
  end(): void;
  /**
   * `end`, and `destroy` once the queue is written, where that is cheaper than to wait for the peer's FIN: for one that has
   * nothing more to say. What it says all the same may be answered with RST, and what the kernel has not sent by then is
   * lost: not for more than leaves at once. True: it is closed, and only `onClose` is to come; false: not yet.
   */
  endAndClose(): boolean;
  /** Drops the queue and closes. A peer may see FIN or RST. */
  destroy(): void;
  /** RST where the runtime can (`capabilities.reset`), else `destroy`. */
  reset(): void;
  /** No `onData` or `onEnd` after this returns, until `resume`. A reset may still be noticed. */
  pause(): void;
  /**
   * The peer has nothing more to say, and is likely to be answered with `endAndClose`. True: nothing more is read until
   * `resume`, not even its end, where that saves more than it could tell; false: reading goes on.
   */
  restReading(): boolean;
  resume(): void;
}

export interface ListenOptions {
  readonly address: Address;
  /** Length of the kernel's accept queue where the runtime lets us choose. */
  readonly backlog: number;
  /** Several processes on one port (`capabilities.reusePort`). */
  readonly reusePort: boolean;
  /** Queue length in bytes from which `write` answers false. The low mark is half of it. */
  readonly highWaterBytes: number;
  /** TCP keep-alive for accepted sockets: see `ConnectOptions`. */
  readonly keepAliveMs?: number;
  /** Null: plain TCP. Adapters without TLS answer EUNSUPPORTED. */
  readonly tls: TlsServerOptions | null;
}

export interface ConnectOptions {
  readonly address: Address;
  readonly highWaterBytes: number;
  /**
   * Asks a peer that has been silent for so long whether it is still there, and closes with an error when it does not
   * answer (TCP keep-alive). Without `capabilities.keepAliveDelay` the time is the system's. Off when left out.
   */
  readonly keepAliveMs?: number;
  readonly tls: TlsClientOptions | null;
}

export interface Listener {
  /** The address really bound: the chosen port where 0 was asked for. */
  readonly address: Address;
  /**
   * Leaves new connections in the kernel's queue until `resume`, where the runtime can (`capabilities.acceptPause`);
   * elsewhere both do nothing, and accepting goes on.
   */
  pause(): void;
  resume(): void;
  /** False when the file of a UNIX socket was removed, or another stands in its place: nobody finds this listener any more. */
  isReachable(): boolean;
  /**
   * Stops accepting, and resolves when nothing comes any more. What waits in the kernel's queue is handed over first,
   * except while paused. Accepted sockets live on. A UNIX socket's file is removed, but not another in its place.
   */
  close(): Promise<void>;
}

export interface ListenHandler {
  /** A new connection, paused. The handler it must be given is set before this returns. */
  onSocket(socket: Socket): void;
  /**
   * Accepting failed for now (EMFILE and the like). The adapter pauses for a moment and goes on by
   * itself; this is only told so that it can be logged.
   */
  onAcceptError(error: SocketError): void;
}

/** A connection attempt under way. */
export interface Attempt {
  /** Gives up; `done` is still called, with ECANCELED, unless it already was. */
  cancel(): void;
}

/** What this runtime can do; tests skip with a reason where it can't. */
export interface Capabilities {
  readonly reusePort: boolean;
  /** `reset` really sends RST. */
  readonly reset: boolean;
  /** A listener can stop accepting for a while without closing its queue. */
  readonly acceptPause: boolean;
  /** TCP keep-alive begins when it is asked to; elsewhere when the system says so. */
  readonly keepAliveDelay: boolean;
  /** Cancelling a connect stops the handshake in the kernel, too. */
  readonly connectAbort: boolean;
}

/** What the core needs of a runtime: sockets, time, chance, names. Adapters implement it. */
export interface Runtime {
  /** `node`, `deno`, `bun` or `simulated`. */
  readonly name: string;
  /** The runtime's own version, for `--version` and the log. */
  readonly version: string;
  readonly capabilities: Capabilities;
  /** Rejects with a SocketError. */
  listen(options: ListenOptions, handler: ListenHandler): Promise<Listener>;
  /** Calls `done` exactly once, never from inside `connect`. The socket comes paused. */
  connect(options: ConnectOptions, done: ConnectDone): Attempt;
  /** Asks DNS. Calls `done` exactly once, never from inside `resolve`; never throws. */
  resolve(question: ResolveOptions, done: ResolveDone): Attempt;
  /**
   * Whether nothing that was written out of this memory waits to be sent any more, so that it can be used again. What an
   * adapter only holds back for a moment it sends first. False when in doubt.
   */
  isWritten(memory: Uint8Array): boolean;
  /** Milliseconds on a clock that never jumps, with a fraction; its zero means nothing. */
  now(): number;
  /** Milliseconds since 1970 by the wall clock, which may jump. */
  wallClockMs(): number;
  /** Uniform in [0, 1); seeded in tests. Not for secrets. */
  random(): number;
  /** `length` unguessable bytes, for identifiers that others can see. */
  randomBytes(length: number): Uint8Array;
  /** HMAC-SHA-256 of `data`, 32 bytes, at once: it is wanted between two bytes of a response. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** The one periodic call the core runs its timers from. Does not keep the process alive by itself. */
  every(intervalMs: number, onTick: () => void): Ticker;
  /** How many descriptors this process may have open, or null where nobody can tell. */
  descriptorsMax(): number | null;
  /** Share (0 to 1) of the memory this process may use that it uses now, or null where nobody can tell. May cost 0.1 ms. */
  memoryLoad(): number | null;
}

export type ConnectDone = (error: SocketError | null, socket: Socket | null) => void;

export interface Ticker {
  stop(): void;
}

/** What can be asked of DNS. */
export type RecordType = "A" | "AAAA" | "SRV";

export interface ResolveOptions {
  /** A host name, or for SRV a service name such as `_http._tcp.app.internal`. A dot at its end makes it absolute. */
  readonly name: string;
  readonly type: RecordType;
  /** Whom to ask, one after the other; none: the system's resolvers, by the system's search list. */
  readonly servers: readonly TcpAddress[];
  /** How long each server is waited for. */
  readonly timeoutMs: number;
}

/** The closed list of why there is no answer. */
export type ResolveErrorCode =
  /** The name does not exist, or has no record of this type. */
  | "not-found"
  /** No server had an answer for us: SERVFAIL, REFUSED and the like. */
  | "server-failure"
  | "timeout"
  /** The name is none, or what came back was no answer to be understood. */
  | "malformed"
  /** Nobody could be asked: no permission, no resolver, nothing listening there. */
  | "unavailable"
  | "canceled";

export interface ResolveError {
  readonly code: ResolveErrorCode;
  /** For the log; never parsed. */
  readonly message: string;
}

/** One record. `priority`, `weight` and `port` are 0 on addresses. */
export interface ResolvedRecord {
  /** The address; for SRV the target's name, in lower case and without the last dot. */
  readonly host: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface ResolveAnswer {
  /** At least one, each once, in no order that means anything. As many as fit into a message of 64 KiB. */
  readonly records: readonly ResolvedRecord[];
  /** The least of all records that led to the answer. */
  readonly ttlSeconds: number;
}

export type ResolveDone = (error: ResolveError | null, answer: ResolveAnswer | null) => void;

/*
 * The place of TLS. An adapter does the handshake before it hands over a socket; which certificate, which
 * protocols and whom to trust is decided above the port. Plain sockets carry `tls: null`.
 */

export interface TlsInfo {
  /** The protocol agreed by ALPN, `""` for none. */
  readonly alpn: string;
  /** The server name the client asked for, null when it sent none. */
  readonly serverName: string | null;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The peer's leaf certificate, DER, null when it sent none. */
  readonly peerCertificate: Uint8Array | null;
  /** Whether that certificate was verified against the configured authorities. */
  readonly authorized: boolean;
}

export interface KeyCertificate {
  /** PEM, leaf first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export interface TlsServerOptions {
  readonly default: KeyCertificate;
  readonly byServerName: ReadonlyMap<string, KeyCertificate>;
  readonly alpn: readonly string[];
  /** PEM authorities that client certificates must chain to; null asks for none. */
  readonly clientAuthorities: readonly string[] | null;
  readonly minVersion: "1.2" | "1.3";
}

export interface TlsClientOptions {
  readonly serverName: string;
  /** PEM; null means the system's. */
  readonly authorities: readonly string[] | null;
  readonly alpn: readonly string[];
  readonly certificate: KeyCertificate | null;
  readonly unsafeSkipVerification: boolean;
}
