/**
 * The port on Deno: Deno.listen and Deno.connect, whose sockets are pulled with `read` and pushed with `write`, one
 * promise each. Reading into our own buffers is what makes Deno cheap, and what this file has to manage:
 *
 *   read filled the buffer   → the view is handed out, the next buffer is larger (4K → 16K → 64K)
 *   read left most of it free → the bytes are copied out, the buffer stays for the next read
 *   64K view comes back whole through `write` → its buffer is reused once the kernel has the bytes
 *
 * so that an idle connection waits with a small buffer and a bulk transfer allocates nothing.
 */
import type {
  Address,
  Attempt,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
  Runtime,
  Socket,
  SocketError,
  SocketErrorCode,
  SocketHandler,
  Ticker,
  TlsInfo,
} from "../core/runtime.ts";

type DenoAddress =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix"; readonly path: string };

interface DenoConn {
  readonly localAddr: DenoAddress;
  readonly remoteAddr: DenoAddress;
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
}

interface DenoListener {
  readonly addr: DenoAddress;
  accept(): Promise<DenoConn>;
  close(): void;
}

interface DenoNamespace {
  readonly version: { readonly deno: string };
  listen(options: object): DenoListener;
  connect(options: object): Promise<DenoConn>;
  addSignalListener(signal: "SIGWINCH", listener: () => void): void;
  readTextFileSync(path: string): string;
  lstatSync(path: string): { readonly isSocket: boolean | null };
  removeSync(path: string): void;
  unrefTimer(timer: unknown): void;
}

declare const Deno: DenoNamespace;

export const runtime: Runtime = {
  name: "deno",
  version: Deno.version.deno,
  // RST cannot be sent: there is no linger option and no terminate.
  capabilities: { reusePort: true, reset: false, connectAbort: true },
  listen,
  connect,
  now: () => performance.now(),
  wallClockMs: () => Date.now(),
  random: () => Math.random(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  every,
  descriptorsMax,
};

// ── listener ────────────────────────────────────────────────────────────────

/** How long accepting rests after EMFILE: long enough not to spin, short enough not to be seen. */
const ACCEPT_REST_MS = 30;

let signalsReady = false;

/** Deno 2.9 panics when its first signal listener is registered while out of descriptors; so that happens here, early. */
function readySignals(): void {
  if (signalsReady) return;
  signalsReady = true;
  Deno.addSignalListener("SIGWINCH", () => {});
}

async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  readySignals();
  const { address } = options;
  let raw: DenoListener;
  try {
    raw = bind(options);
  } catch (error) {
    const failure = socketError(error);
    if (address.kind !== "unix" || failure.code !== "EADDRINUSE" || !(await isStale(address.path))) throw failure;
    Deno.removeSync(address.path);
    try {
      raw = bind(options);
    } catch (again) {
      throw socketError(again);
    }
  }
  const listener = new DenoListening(raw, options, handler);
  listener.accepting = listener.acceptAll();
  return listener;
}

function bind({ address, backlog, reusePort }: ListenOptions): DenoListener {
  if (address.kind === "unix") return Deno.listen({ transport: "unix", path: address.path });
  // Asked for only when wanted: without `"unstable": ["net"]` in deno.json the option ends the process.
  const tcpOptions = { port: address.port, tcpBacklog: backlog, ...(reusePort ? { reusePort } : {}) };
  if (address.host !== "") return Deno.listen({ ...tcpOptions, hostname: address.host });
  try {
    return Deno.listen({ ...tcpOptions, hostname: "::" });
  } catch (error) {
    // A machine without IPv6.
    if (socketError(error).code === "EADDRINUSE") throw error;
    return Deno.listen({ ...tcpOptions, hostname: "0.0.0.0" });
  }
}

/** A socket file nobody answers on: left behind by a process that was killed. */
async function isStale(path: string): Promise<boolean> {
  if (Deno.lstatSync(path).isSocket !== true) return false;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return socketError(error).code === "ECONNREFUSED";
  }
}

class DenoListening implements Listener {
  readonly address: Address;
  readonly raw: DenoListener;
  readonly options: ListenOptions;
  readonly handler: ListenHandler;
  accepting: Promise<void> | null = null;
  closing = false;

  constructor(raw: DenoListener, options: ListenOptions, handler: ListenHandler) {
    const asked = options.address;
    this.address =
      raw.addr.transport === "unix" || asked.kind === "unix"
        ? asked
        : { kind: "tcp", host: asked.host, port: raw.addr.port };
    this.raw = raw;
    this.options = options;
    this.handler = handler;
  }

  async acceptAll(): Promise<void> {
    while (!this.closing) {
      try {
        const conn = await this.raw.accept();
        this.#accepted(conn);
      } catch (error) {
        if (this.closing) return;
        const failure = socketError(error);
        this.handler.onAcceptError(failure);
        // A connection that died in the queue is no reason to rest.
        if (failure.code !== "ECONNRESET") await new Promise((resolve) => setTimeout(resolve, ACCEPT_REST_MS));
      }
    }
  }

  #accepted(conn: DenoConn): void {
    const socket = new DenoSocket(conn, this.options.highWaterBytes, this.options.address);
    conn.setNoDelay?.(true);
    socket.guard(() => this.handler.onSocket(socket));
  }

  /** The pending accept holds the kernel's socket; only when it has failed is the port free. */
  async close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      this.raw.close();
    }
    await this.accepting;
  }
}

// ── connect ─────────────────────────────────────────────────────────────────

function connect(options: ConnectOptions, done: ConnectDone): Attempt {
  const attempt = new DenoAttempt(done);
  void attempt.run(options);
  return attempt;
}

class DenoAttempt implements Attempt {
  readonly abort = new AbortController();
  readonly done: ConnectDone;

  constructor(done: ConnectDone) {
    this.done = done;
  }

  async run({ address, highWaterBytes, tls }: ConnectOptions): Promise<void> {
    const { signal } = this.abort;
    let conn: DenoConn;
    try {
      if (tls !== null) throw unsupported("TLS to upstreams");
      conn = await Deno.connect(
        address.kind === "unix"
          ? { transport: "unix", path: address.path, signal }
          : { hostname: address.host, port: address.port, signal },
      );
    } catch (error) {
      await null; // never from inside `connect`
      return this.#failed(error, address);
    }
    if (signal.aborted) {
      conn.close();
      return this.#failed(null, address);
    }
    conn.setNoDelay?.(true);
    const socket = new DenoSocket(conn, highWaterBytes, address);
    socket.guard(() => this.done(null, socket));
  }

  #failed(error: unknown, address: Address): void {
    let failure = socketError(error);
    if (this.abort.signal.aborted) failure = { code: "ECANCELED", message: "the connection attempt was given up" };
    // A failed look-up is the one error here that Deno gives neither a code nor a class.
    else if (failure.code === "EUNKNOWN" && address.kind === "tcp" && nameOf(error) === "Error")
      failure = { code: "ENOTFOUND", message: failure.message };
    this.done(failure, null);
  }

  cancel(): void {
    this.abort.abort();
  }
}

// ── socket ──────────────────────────────────────────────────────────────────

const UNOWNED: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

class DenoSocket implements Socket {
  handler: SocketHandler = UNOWNED;
  readonly tls: TlsInfo | null = null;
  readonly raw: DenoConn;
  readonly highWaterBytes: number;
  paused = true;
  /** `#readAll` is running. */
  reading = false;
  readBuffer: Uint8Array | null = null;
  /** What a read brought after `pause`. */
  held: Uint8Array | null = null;
  /** The peer's FIN was read, and told. */
  ended = false;
  endTold = false;
  /** Not yet given to the kernel. */
  queue: Uint8Array[] = [];
  queuedBytes = 0;
  /** `#writeAll` is running. */
  writing = false;
  needsDrain = false;
  /** `end` was called. */
  finished = false;
  finSent = false;
  closed = false;
  readonly #bound: Address;
  #local: Address | null = null;
  #peer: Address | null = null;

  constructor(raw: DenoConn, highWaterBytes: number, bound: Address) {
    this.raw = raw;
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
  }

  get local(): Address {
    this.#local ??= toAddress(this.raw.localAddr, this.#bound);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= toAddress(this.raw.remoteAddr, this.#bound);
    return this.#peer;
  }

  write(bytes: Uint8Array): boolean {
    if (this.finished) return true;
    if (bytes.length > 0) {
      this.queue.push(bytes);
      this.queuedBytes += bytes.length;
      if (!this.writing) void this.#writeAll();
    }
    if (this.queuedBytes < this.highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  writePair(first: Uint8Array, second: Uint8Array): boolean {
    return this.finished || this.write(joined([first, second], first.length + second.length));
  }

  async #writeAll(): Promise<void> {
    this.writing = true;
    try {
      while (this.queue.length > 0) {
        const bytes = this.#nextToWrite();
        let written = 0;
        do {
          const count = await this.raw.write(written === 0 ? bytes : bytes.subarray(written));
          if (this.closed) return;
          written += count;
          this.queuedBytes -= count;
          if (this.needsDrain && this.queuedBytes <= this.highWaterBytes / 2) this.#drained();
        } while (written < bytes.length && !this.closed);
        recycle(bytes);
      }
    } catch (error) {
      return this.#close(socketError(error));
    }
    this.writing = false;
    if (this.finished && !this.closed) await this.#sendFin();
  }

  /** Small pieces that gathered while the last write was under way go out as one. */
  #nextToWrite(): Uint8Array {
    const { queue } = this;
    let count = 0;
    let length = 0;
    for (const bytes of queue) {
      if (length + bytes.length > JOINED_BYTES_MAX) break;
      length += bytes.length;
      count += 1;
    }
    return count < 2 ? (queue.shift() as Uint8Array) : joined(queue.splice(0, count), length);
  }

  #drained(): void {
    this.needsDrain = false;
    this.guard(() => this.handler.onDrain(this));
  }

  async #sendFin(): Promise<void> {
    try {
      await this.raw.closeWrite();
    } catch {
      // The peer was faster; reading tells how it ended.
    }
    this.finSent = true;
    if (this.endTold) this.#close(null);
  }

  end(): void {
    if (this.finished) return;
    this.finished = true;
    if (!this.writing) void this.#sendFin();
  }

  destroy(): void {
    this.#close(null);
  }

  reset(): void {
    this.#close(null);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused || this.closed) return;
    this.paused = false;
    if (!this.reading) void this.#readAll();
  }

  async #readAll(): Promise<void> {
    this.reading = true;
    if (this.held !== null || this.ended) {
      await null; // never from inside `resume`
      this.#deliverHeld();
    }
    while (!(this.paused || this.closed || this.ended)) {
      let length: number | null;
      try {
        this.readBuffer ??= new Uint8Array(SMALL_BYTES);
        length = await this.raw.read(this.readBuffer);
      } catch (error) {
        return this.#close(socketError(error));
      }
      if (this.closed) return;
      if (length === null) this.ended = true;
      else this.held = this.#taken(length);
      this.#deliverHeld();
    }
    this.reading = false;
  }

  /** The bytes of a read, which belong to the receiver, and a buffer for the next. */
  #taken(length: number): Uint8Array {
    const buffer = this.readBuffer as Uint8Array;
    if (length < SMALL_BYTES) {
      if (buffer.length > SMALL_BYTES) {
        giveLarge(buffer);
        this.readBuffer = null;
      }
      return buffer.slice(0, length);
    }
    this.readBuffer = length === buffer.length ? takeLarge() : null;
    return buffer.length === LARGE_BYTES ? lend(buffer, length) : buffer;
  }

  #deliverHeld(): void {
    if (this.paused || this.closed) return;
    const bytes = this.held;
    try {
      if (bytes !== null) {
        this.held = null;
        this.handler.onData(this, bytes);
      }
      if (!this.ended || this.endTold || this.paused || this.closed) return;
      this.endTold = true;
      this.readBuffer = null;
      this.handler.onEnd(this);
    } catch (error) {
      this.#thrown(error);
    }
    if (this.endTold && this.finSent) this.#close(null);
  }

  /** Every way out leads through here; `onClose` follows in a moment. */
  #close(error: SocketError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.finished = true;
    this.queue = [];
    this.queuedBytes = 0;
    this.held = null;
    this.readBuffer = null;
    this.raw.close();
    queueMicrotask(() => this.handler.onClose(this, error));
  }

  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#thrown(error);
    }
  }

  /** A throw in a handler is our bug: this socket dies, others live, and the process's policy for uncaught errors decides. */
  #thrown(error: unknown): void {
    this.#close(null);
    queueMicrotask(() => {
      throw error;
    });
  }
}

// ── read buffers ────────────────────────────────────────────────────────────

/** What an idle connection waits with; a request head fits. */
const SMALL_BYTES = 4096;
/** Larger reads were not faster on loopback. */
const LARGE_BYTES = 65536;
/** Beyond this, copying pieces together costs more than the system calls it saves. */
const JOINED_BYTES_MAX = 65536;
/** 4 MiB at most are kept for reuse. */
const FREE_LARGE_MAX = 64;

const freeLarge: Uint8Array[] = [];
/** Views handed out, and the whole buffer behind each. */
const lent = new WeakMap<Uint8Array, Uint8Array>();

function takeLarge(): Uint8Array {
  return freeLarge.pop() ?? new Uint8Array(LARGE_BYTES);
}

function giveLarge(buffer: Uint8Array): void {
  if (freeLarge.length < FREE_LARGE_MAX) freeLarge.push(buffer);
}

function lend(buffer: Uint8Array, length: number): Uint8Array {
  const view = buffer.subarray(0, length);
  lent.set(view, buffer);
  return view;
}

/** `bytes` are written. A view we lent came back whole, so nobody else may hold a part of it. */
function recycle(bytes: Uint8Array): void {
  if (bytes.length < SMALL_BYTES) return;
  const buffer = lent.get(bytes);
  if (buffer === undefined) return;
  lent.delete(bytes);
  giveLarge(buffer);
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
    recycle(piece);
  }
  return whole;
}

// ── the rest ────────────────────────────────────────────────────────────────

/** An IPv4 peer of a dual-stack listener is plain IPv4 to everybody above. */
function toAddress(raw: DenoAddress, bound: Address): Address {
  if (raw.transport === "unix") return bound;
  const { hostname, port } = raw;
  const host = hostname.startsWith("::ffff:") && hostname.includes(".") ? hostname.slice(7) : hostname;
  return { kind: "tcp", host, port };
}

const CODES: ReadonlyMap<string, SocketErrorCode> = new Map<string, SocketErrorCode>([
  ["ECONNREFUSED", "ECONNREFUSED"],
  ["ECONNRESET", "ECONNRESET"],
  ["ECONNABORTED", "ECONNRESET"],
  ["EPIPE", "EPIPE"],
  ["ETIMEDOUT", "ETIMEDOUT"],
  ["EHOSTUNREACH", "EHOSTUNREACH"],
  ["ENETUNREACH", "ENETUNREACH"],
  ["ENOENT", "ENOENT"],
  ["EACCES", "EACCES"],
  ["EPERM", "EACCES"],
  ["EADDRINUSE", "EADDRINUSE"],
  ["EADDRNOTAVAIL", "EADDRNOTAVAIL"],
  ["EMFILE", "EMFILE"],
  ["ENFILE", "EMFILE"],
  ["EUNSUPPORTED", "EUNSUPPORTED"],
  // Deno's own classes, where it has no code.
  ["ConnectionReset", "ECONNRESET"],
  ["BrokenPipe", "EPIPE"],
  ["TimedOut", "ETIMEDOUT"],
]);

function nameOf(error: unknown): string {
  return String((error as { name?: unknown } | null)?.name);
}

function socketError(error: unknown): SocketError {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: CODES.get(String(code)) ?? CODES.get(nameOf(error)) ?? "EUNKNOWN",
    message: String(message ?? error),
  };
}

function unsupported(what: string): SocketError {
  return { code: "EUNSUPPORTED", message: `${what}: not supported by the deno adapter` };
}

function every(intervalMs: number, onTick: () => void): Ticker {
  const timer = setInterval(onTick, intervalMs);
  Deno.unrefTimer(timer);
  return { stop: () => clearInterval(timer) };
}

function descriptorsMax(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
