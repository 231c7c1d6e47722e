/** Connections by Deno's own operations: Deno.listen and Deno.connect, which take and give one per promise. */
import type {
  Address,
  Attempt,
  ConnectDone,
  ConnectOptions,
  Listener,
  ListenHandler,
  ListenOptions,
} from "../core/runtime.ts";
import { emptyQueue } from "./accept-queue.ts";
import { bindAt, bindEverywhere } from "./binding.ts";
import type { DenoAddress, DenoConn } from "./deno-conn.ts";
import { DenoSocket } from "./deno-socket.ts";
import { CANCELED, toSocketError, unsupported } from "./socket-error.ts";
import { type SocketFile, socketFileOf } from "./socket-file.ts";

interface DenoListener {
  readonly addr: DenoAddress;
  accept(): Promise<DenoConn>;
  close(): void;
}

interface DenoNamespace {
  listen(options: object): DenoListener;
  connect(options: object): Promise<DenoConn>;
  addSignalListener(signal: "SIGWINCH", listener: () => void): void;
}

declare const Deno: DenoNamespace;

// ── listener ────────────────────────────────────────────────────────────────

/** How long accepting rests after EMFILE: long enough not to spin, short enough not to be seen. */
const ACCEPT_REST_MS = 30;
/** Long enough for an accept that can be answered. */
const ACCEPT_TURN_MS = 2;

let signalsReady = false;

/** Deno 2.9 panics when its first signal listener is registered while out of descriptors; so that happens here, early. */
export function readySignals(): void {
  if (signalsReady) return;
  signalsReady = true;
  Deno.addSignalListener("SIGWINCH", () => {});
}

export async function listen(options: ListenOptions, handler: ListenHandler): Promise<Listener> {
  if (options.tls !== null) throw unsupported("TLS on listeners");
  readySignals();
  const raw = await bindAt(options.address, () => bind(options), probe);
  const listener = new DenoListening(raw, options, handler);
  listener.accepting = listener.acceptAll();
  return listener;
}

function bind({ address, backlog, reusePort }: ListenOptions): DenoListener {
  if (address.kind === "unix") return Deno.listen({ transport: "unix", path: address.path });
  // Asked for only when wanted: without `"unstable": ["net"]` in deno.json the option ends the process.
  const tcpOptions = { port: address.port, tcpBacklog: backlog, ...(reusePort ? { reusePort } : {}) };
  const bindTo = (hostname: string) => Deno.listen({ ...tcpOptions, hostname });
  return address.host === "" ? bindEverywhere(bindTo) : bindTo(address.host);
}

async function probe(path: string): Promise<void> {
  (await Deno.connect({ transport: "unix", path })).close();
}

/** Several times: on a busy machine a timer may be over before Deno has looked at any socket. */
async function aMoment(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, ACCEPT_TURN_MS));
}

class DenoListening implements Listener {
  readonly address: Address;
  readonly raw: DenoListener;
  readonly options: ListenOptions;
  readonly handler: ListenHandler;
  readonly #file: SocketFile;
  accepting: Promise<void> | null = null;
  closing = false;
  #isPaused = false;
  #acceptedCount = 0;
  #closed: Promise<void> | null = null;
  /** Ends a wait of `#untilResumed`. */
  #wake: () => void = () => {};

  constructor(raw: DenoListener, options: ListenOptions, handler: ListenHandler) {
    const asked = options.address;
    this.address =
      raw.addr.transport === "unix" || asked.kind === "unix"
        ? asked
        : { kind: "tcp", host: asked.host, port: raw.addr.port };
    this.raw = raw;
    this.options = options;
    this.handler = handler;
    this.#file = socketFileOf(asked);
  }

  async acceptAll(): Promise<void> {
    while (!this.closing) {
      try {
        if (this.#isPaused) await this.#untilResumed();
        const conn = await this.raw.accept();
        // The pause may have come while this one was under way.
        if (this.#isPaused) await this.#untilResumed();
        if (this.closing) conn.close();
        else this.#accepted(conn);
      } catch (error) {
        if (this.closing) return;
        const failure = toSocketError(error);
        this.handler.onAcceptError(failure);
        // A connection that died in the queue is no reason to rest.
        if (failure.code !== "ECONNRESET") await new Promise((resolve) => setTimeout(resolve, ACCEPT_REST_MS));
      }
    }
  }

  async #untilResumed(): Promise<void> {
    while (this.#isPaused && !this.closing) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  isReachable(): boolean {
    return !this.closing && this.#file.isThere();
  }

  #accepted(conn: DenoConn): void {
    this.#acceptedCount++;
    const { address, highWaterBytes } = this.options;
    const socket = new DenoSocket(conn, highWaterBytes, address, true);
    tune(conn, this.options);
    socket.guard(() => this.handler.onSocket(socket));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** The pending accept holds the kernel's socket; only when it has failed is the port free. */
  async #close(): Promise<void> {
    if (!this.#isPaused) await emptyQueue(() => this.#acceptedCount, aMoment);
    this.closing = true;
    const putBack = this.#file.spareOther();
    this.raw.close();
    this.#wake();
    await this.accepting; // until then the kernel's socket is there, and Deno removes the file behind it
    putBack();
  }
}

/** TCP only. Keep-alive can be turned on, but not told when to begin. */
function tune(conn: DenoConn, { keepAliveMs = 0 }: { readonly keepAliveMs?: number }): void {
  conn.setNoDelay?.(true);
  if (keepAliveMs > 0) conn.setKeepAlive?.(true);
}

// ── connect ─────────────────────────────────────────────────────────────────

export function connect(options: ConnectOptions, done: ConnectDone): Attempt {
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

  async run(options: ConnectOptions): Promise<void> {
    const { address, highWaterBytes, tls } = options;
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
    tune(conn, options);
    const socket = new DenoSocket(conn, highWaterBytes, address, false);
    socket.guard(() => this.done(null, socket));
  }

  #failed(error: unknown, address: Address): void {
    let failure = toSocketError(error);
    if (this.abort.signal.aborted) failure = CANCELED;
    // A failed look-up is the one error here that Deno gives neither a code nor a class.
    else if (failure.code === "EUNKNOWN" && address.kind === "tcp" && (error as Error).name === "Error")
      failure = { code: "ENOTFOUND", message: failure.message };
    this.done(failure, null);
  }

  cancel(): void {
    this.abort.abort();
  }
}
