/**
 * The port on Node: node:net. Node pushes reads and queues writes itself, so this file mostly translates; what it
 * adds is holding an end that races with `pause`, and delivering every event to the handler of the moment.
 */
import { existsSync, lstatSync, readFileSync, unlinkSync } from "node:fs";
import { createServer, type Socket as NetSocket, connect as netConnect, type Server } from "node:net";
import { dirname } from "node:path";
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

/** The net.Socket, which carries its owner so that listeners can be shared functions. */
interface RawSocket extends NetSocket {
  owner: NodeSocket;
}

export const runtime: Runtime = {
  name: "node",
  version: process.versions.node,
  // Node 20 answers EADDRINUSE or ignores the option; it came with libuv 1.49.
  capabilities: { reusePort: Number.parseInt(process.versions.node, 10) >= 24, reset: true, connectAbort: true },
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

async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  if (options.reusePort && !runtime.capabilities.reusePort) throw unsupported("reusePort");
  const { address } = options;
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: true,
    highWaterMark: options.highWaterBytes,
  });
  server.on("connection", (raw: NetSocket) => {
    const socket = new NodeSocket(raw as RawSocket, options.highWaterBytes, address, null);
    socket.guard(() => handler.onSocket(socket));
  });
  try {
    await bind(server, options);
  } catch (error) {
    if (address.kind !== "unix" || codeOf(error) !== "EADDRINUSE" || !(await isStale(address.path))) {
      throw bindError(error, address);
    }
    unlinkSync(address.path);
    await bind(server, options).catch((again: unknown) => Promise.reject(socketError(again)));
  }
  server.on("error", (error) => handler.onAcceptError(socketError(error)));
  return { address: boundAddress(server, address), close: () => closeServer(server) };
}

function bind(server: Server, { address, backlog, reusePort }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const bound = () => {
      server.off("error", reject);
      resolve();
    };
    if (address.kind === "unix") server.listen({ path: address.path, backlog }, bound);
    else if (address.host === "") server.listen({ port: address.port, backlog, reusePort }, bound);
    else server.listen({ host: address.host, port: address.port, backlog, reusePort }, bound);
  });
}

function bindError(error: unknown, address: Address): SocketError {
  const failure = socketError(error);
  // libuv tells a missing folder of a UNIX socket as EACCES.
  const noFolder = address.kind === "unix" && failure.code === "EACCES" && !existsSync(dirname(address.path));
  return noFolder ? { ...failure, code: "ENOENT" } : failure;
}

function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address();
  if (asked.kind === "unix" || bound === null || typeof bound === "string") return asked;
  return { kind: "tcp", host: asked.host, port: bound.port };
}

/** Resolves when the kernel no longer accepts; `server.close` itself would wait for every live connection. */
function closeServer(server: Server): Promise<void> {
  server.close();
  return Promise.resolve();
}

/** A socket file nobody answers on: left behind by a process that was killed. */
function isStale(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    if (!(lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false)) return resolve(false);
    const probe = netConnect({ path });
    probe.once("connect", () => resolve(false));
    probe.once("connect", () => probe.destroy());
    probe.once("error", (error) => resolve(codeOf(error) === "ECONNREFUSED"));
  });
}

// ── connect ─────────────────────────────────────────────────────────────────

function connect(options: ConnectOptions, done: ConnectDone): Attempt {
  if (options.tls !== null) {
    queueMicrotask(() => done(unsupported("TLS to upstreams"), null));
    return { cancel() {} };
  }
  const { address, highWaterBytes } = options;
  const shared = { allowHalfOpen: true, noDelay: true, highWaterMark: highWaterBytes };
  const raw =
    address.kind === "unix"
      ? netConnect({ ...shared, path: address.path })
      : netConnect({ ...shared, host: address.host, port: address.port });
  raw.pause();
  const socket = new NodeSocket(raw as RawSocket, highWaterBytes, address, done);
  raw.once("connect", onConnect);
  return socket;
}

// ── socket ──────────────────────────────────────────────────────────────────

const UNOWNED: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

class NodeSocket implements Socket, Attempt {
  handler: SocketHandler = UNOWNED;
  readonly tls: TlsInfo | null = null;
  readonly raw: RawSocket;
  readonly highWaterBytes: number;
  /** Set while connecting. */
  done: ConnectDone | null;
  /** What `onClose` will say. */
  error: SocketError | null = null;
  paused = true;
  needsDrain = false;
  /** We sent FIN, or are about to. */
  finished = false;
  /** `destroy`, `reset` or `cancel` was called: nothing but `onClose` may follow. */
  abandoned = false;
  /** The peer's FIN came while paused. */
  endHeld = false;
  /** The runtime closed the socket while the end was held. */
  closeHeld = false;
  readonly #bound: Address;
  #local: Address | null = null;
  #peer: Address | null = null;

  constructor(raw: RawSocket, highWaterBytes: number, bound: Address, done: ConnectDone | null) {
    this.raw = raw;
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
    this.done = done;
    // Asked while the socket is surely open: logs want it after the close, too.
    if (done === null) void this.peer;
    raw.owner = this;
    raw.on("data", onData);
    raw.on("drain", onDrain);
    raw.on("end", onEnd);
    raw.on("error", onError);
    raw.on("close", onClose);
  }

  get local(): Address {
    this.#local ??= this.#address(this.raw.localAddress, this.raw.localPort);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= this.#address(this.raw.remoteAddress, this.raw.remotePort);
    return this.#peer;
  }

  #address(host: string | undefined, port: number | undefined): Address {
    return this.#bound.kind === "unix" ? this.#bound : tcp(host, port);
  }

  get queuedBytes(): number {
    return this.raw.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    if (this.finished) return true;
    this.raw.write(bytes);
    return this.#accepted();
  }

  writePair(first: Uint8Array, second: Uint8Array): boolean {
    if (this.finished) return true;
    const { raw } = this;
    raw.cork();
    raw.write(first);
    raw.write(second);
    raw.uncork();
    return this.#accepted();
  }

  /** Node answers false before it tried the kernel; only what is left afterwards counts here. */
  #accepted(): boolean {
    if (this.raw.writableLength < this.highWaterBytes || this.raw.destroyed) return true;
    this.needsDrain = true;
    return false;
  }

  end(): void {
    if (this.finished) return;
    this.finished = true;
    this.raw.end();
  }

  destroy(): void {
    this.#abandon();
    this.raw.destroy();
  }

  reset(): void {
    const { raw } = this;
    this.#abandon();
    // A UNIX socket has no RST, and Node throws when asked for one.
    if (raw.destroyed || raw.remoteFamily === undefined) raw.destroy();
    else raw.resetAndDestroy();
  }

  #abandon(): void {
    this.finished = true;
    this.abandoned = true;
    if (this.closeHeld) {
      this.closeHeld = false;
      queueMicrotask(() => this.closed());
    }
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.raw.pause();
  }

  resume(): void {
    if (!this.paused || this.abandoned) return;
    this.paused = false;
    if (this.endHeld) queueMicrotask(() => this.ended());
    else this.raw.resume();
  }

  cancel(): void {
    if (this.done === null || this.abandoned) return;
    this.error = { code: "ECANCELED", message: "the connection attempt was given up" };
    this.abandoned = true;
    this.raw.destroy();
  }

  ended(): void {
    if (this.paused || this.abandoned) return;
    this.endHeld = false;
    this.guard(() => this.handler.onEnd(this));
    if (!this.closeHeld) return;
    this.closeHeld = false;
    this.closed();
  }

  closed(): void {
    const { done } = this;
    this.done = null;
    if (done === null) this.handler.onClose(this, this.abandoned ? null : this.error);
    else done(this.error ?? { code: "EUNKNOWN", message: "closed while connecting" }, null);
  }

  /** A throw in a handler is our bug: this socket dies, others live, and the process's policy for uncaught errors decides. */
  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.destroy();
      throw error;
    }
  }
}

function onConnect(this: NetSocket): void {
  const { owner } = this as RawSocket;
  const { done } = owner;
  if (owner.abandoned || done === null) return;
  owner.done = null;
  owner.guard(() => done(null, owner));
}

function onData(this: NetSocket, bytes: Uint8Array): void {
  const { owner } = this as RawSocket;
  if (owner.abandoned) return;
  try {
    owner.handler.onData(owner, bytes);
  } catch (error) {
    owner.destroy();
    throw error;
  }
}

function onDrain(this: NetSocket): void {
  const { owner } = this as RawSocket;
  if (!owner.needsDrain || owner.abandoned) return;
  owner.needsDrain = false;
  owner.guard(() => owner.handler.onDrain(owner));
}

function onEnd(this: NetSocket): void {
  const { owner } = this as RawSocket;
  owner.endHeld = true;
  owner.ended();
}

function onError(this: NetSocket, error: unknown): void {
  const { owner } = this as RawSocket;
  owner.error ??= socketError(error);
  owner.finished = true;
}

function onClose(this: NetSocket): void {
  const { owner } = this as RawSocket;
  if (owner.endHeld && !owner.abandoned && owner.error === null) owner.closeHeld = true;
  else owner.closed();
}

// ── the rest ────────────────────────────────────────────────────────────────

/** An IPv4 peer of a dual-stack listener is plain IPv4 to everybody above. */
function tcp(host: string | undefined, port: number | undefined): Address {
  const plain = host?.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
  return { kind: "tcp", host: plain ?? "", port: port ?? 0 };
}

const CODES: ReadonlyMap<string, SocketErrorCode> = new Map<string, SocketErrorCode>([
  ["ECONNREFUSED", "ECONNREFUSED"],
  ["ECONNRESET", "ECONNRESET"],
  ["EPIPE", "EPIPE"],
  ["ETIMEDOUT", "ETIMEDOUT"],
  ["EHOSTUNREACH", "EHOSTUNREACH"],
  ["ENETUNREACH", "ENETUNREACH"],
  ["ENOTFOUND", "ENOTFOUND"],
  ["EAI_AGAIN", "ENOTFOUND"],
  ["ENOENT", "ENOENT"],
  ["EACCES", "EACCES"],
  ["EPERM", "EACCES"],
  ["EADDRINUSE", "EADDRINUSE"],
  ["EADDRNOTAVAIL", "EADDRNOTAVAIL"],
  ["EMFILE", "EMFILE"],
  ["ENFILE", "EMFILE"],
]);

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code);
}

function socketError(error: unknown): SocketError {
  return { code: CODES.get(codeOf(error)) ?? "EUNKNOWN", message: String((error as Error | null)?.message || error) };
}

function unsupported(what: string): SocketError {
  return { code: "EUNSUPPORTED", message: `${what}: not supported by the node adapter` };
}

function every(intervalMs: number, onTick: () => void): Ticker {
  const timer = setInterval(onTick, intervalMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function descriptorsMax(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
