/** The port on Bun: Bun.listen and Bun.connect. */
import type {
  Address,
  Attempt,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
  Runtime,
} from "../core/runtime.ts";
import { emptyQueue } from "./accept-queue.ts";
import { bindAt, bindEverywhere } from "./binding.ts";
import { beginConnect, canAbort } from "./bun-connecting.ts";
import { passOnKeepAlive } from "./bun-descriptor.ts";
import { openRing } from "./bun-ring.ts";
import { BunSocket, EVENTS, type RawSocket } from "./bun-socket.ts";
import { isWritten } from "./chunk-memory.ts";
import { DescriptorWatch } from "./descriptor-watch.ts";
import { openRingSoon } from "./late-writes.ts";
import { toSocketError, unsupported } from "./socket-error.ts";
import { type SocketFile, socketFileOf } from "./socket-file.ts";
import { system } from "./system.ts";

interface RawListener {
  readonly port: number;
  readonly fd: number;
  stop(closeSockets: boolean): void;
}

interface BunNamespace {
  readonly version: string;
  listen(options: object): RawListener;
  connect(options: object): Promise<RawSocket>;
}

declare const Bun: BunNamespace;

/** Sockets, names and clocks of Bun: what a proxy in a program is started on there. */
export const runtime: Runtime = {
  name: "bun",
  version: Bun.version,
  capabilities: { reusePort: true, reset: true, connectAbort: canAbort, acceptPause: false, keepAliveDelay: true },
  listen,
  connect,
  ...system,
  isWritten,
};

// ── listener ────────────────────────────────────────────────────────────────

/** Long enough for the loop to look at the socket once. */
const ACCEPT_TURN_MS = 2;

const descriptors = new DescriptorWatch(true);

class BunListener implements Listener {
  address: Address;
  readonly options: ListenOptions;
  readonly handler: ListenHandler;
  raw: RawListener | null = null;
  file: SocketFile | null = null;
  /** Connections have it from the listener. */
  passesOnKeepAlive = false;
  accepted = 0;
  #unwatch = () => {};
  #closing: Promise<void> | null = null;

  constructor(options: ListenOptions, handler: ListenHandler) {
    this.address = options.address;
    this.options = options;
    this.handler = handler;
  }

  watch(): void {
    this.#unwatch = descriptors.add((error) => this.handler.onAcceptError(error));
  }

  bind(): void {
    const { address, reusePort, keepAliveMs = 0 } = this.options;
    const shared = { allowHalfOpen: true, data: this, socket: ACCEPTED };
    if (address.kind === "unix") {
      this.raw = Bun.listen({ ...shared, unix: address.path });
      this.file = socketFileOf(address);
      return;
    }
    const tcpOptions = { ...shared, port: address.port, reusePort };
    const bind = (hostname: string) => Bun.listen({ ...tcpOptions, hostname });
    this.raw = address.host === "" ? bindEverywhere(bind) : bind(address.host);
    this.address = { kind: "tcp", host: address.host, port: this.raw.port };
    this.passesOnKeepAlive = keepAliveMs > 0 && passOnKeepAlive(this.raw, keepAliveMs);
  }

  /** Bun has no way to leave connections in the kernel's queue. */
  pause(): void {}

  resume(): void {}

  isReachable(): boolean {
    return this.#closing === null && (this.file?.isThere() ?? true);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.raw === null) return;
    await emptyQueue(() => this.accepted, aMoment);
    this.#unwatch();
    const putBack = this.file?.spareOther();
    this.raw.stop(false);
    this.raw = null;
    putBack?.();
  }
}

async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  const listener = new BunListener(options, handler);
  await bindAt(options.address, () => listener.bind(), probe);
  listener.watch();
  openRingSoon(openRing);
  return listener;
}

async function probe(path: string): Promise<void> {
  (await Bun.connect({ unix: path, socket: { data() {} } })).terminate();
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ACCEPT_TURN_MS));
}

const ACCEPTED = {
  ...EVENTS,
  open(raw: RawSocket): void {
    const listener = raw.data as BunListener;
    const { options, handler } = listener;
    listener.accepted++;
    const socket = new BunSocket(options.highWaterBytes, options.address, null);
    raw.data = socket;
    socket.raw = raw;
    if (descriptors.hasLast) {
      socket.reset();
      return;
    }
    if (!listener.passesOnKeepAlive) keepAlive(raw, options);
    // Asked while the socket is surely open: logs want it after the close, too.
    void socket.peer;
    socket.opened(() => handler.onSocket(socket));
    socket.readWaiting();
  },
};

function keepAlive(raw: RawSocket, { keepAliveMs = 0 }: { readonly keepAliveMs?: number }): void {
  if (keepAliveMs > 0) raw.setKeepAlive(true, keepAliveMs);
}

// ── connect ─────────────────────────────────────────────────────────────────

function connect(options: ConnectOptions, done: ConnectDone): Attempt {
  const { address, highWaterBytes, tls } = options;
  const socket = new BunSocket(highWaterBytes, address, done);
  socket.keepAliveMs = options.keepAliveMs ?? 0;
  const shared = { allowHalfOpen: true, data: socket, socket: CONNECTED };
  const to = address.kind === "unix" ? { unix: address.path } : { hostname: address.host, port: address.port };
  try {
    if (tls !== null) throw unsupported("TLS to upstreams");
    socket.connecting = beginConnect(() => {
      Bun.connect({ ...shared, ...to }).catch((error: unknown) => socket.connectFailed(toSocketError(error)));
    });
  } catch (error) {
    socket.connectFailed(toSocketError(error));
  }
  return socket;
}

const CONNECTED = {
  ...EVENTS,
  open(raw: RawSocket): void {
    const socket = raw.data as BunSocket;
    const { done } = socket;
    if (done === null) {
      raw.terminate();
      return;
    }
    socket.done = null;
    socket.raw = raw;
    keepAlive(raw, socket);
    socket.opened(() => done(null, socket));
  },
  // The promise of `connect` rejects as well.
  connectError(): void {},
};
