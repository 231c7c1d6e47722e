import type { Address, Runtime, Socket, SocketError, SocketHandler } from "../core/runtime.ts";
import { bytesOfText, joinBytes, textOfBytes } from "./wire.ts";

/**
 * A raw end of a connection, held by a test: it sends exactly the bytes it is told to and keeps what comes.
 * Works on any `Runtime`, simulated or real.
 */
export interface Peer {
  /** Text is sent as latin1: one byte per character. */
  send(data: string | Uint8Array): void;
  end(): void;
  destroy(): void;
  reset(): void;
  stopReading(): void;
  readOn(): void;
  /** Reads about so many bytes per second from now on. */
  readSlowly(bytesPerSecond: number): void;
  /** Everything received so far. */
  readonly received: Uint8Array;
  readonly receivedBytes: number;
  /** `received` as latin1 text. */
  text(): string;
  /** Forgets what was received. */
  clear(): void;
  /** How the other side left: FIN, RST, or not yet. */
  readonly closed: "end" | "reset" | null;
  /** The connection is gone on this side too. */
  readonly isGone: boolean;
  /** Why connecting failed. */
  readonly connectError: SocketError | null;
  readonly socket: Socket | null;
  /** Whether the other side's FIN goes unanswered; may be changed any time. */
  keepsHalfOpen: boolean;
  onReceive: ((peer: Peer, bytes: Uint8Array) => void) | null;
  onLeave: ((peer: Peer, how: "end" | "reset") => void) | null;
}

export interface PeerOptions {
  /** Do not answer the other side's FIN with our own. */
  readonly keepsHalfOpen?: boolean;
  readonly highWaterBytes?: number;
  /** How a slow reader waits. */
  readonly later?: (ms: number, run: () => void) => void;
}

/** A peer on an accepted socket. */
export function peerOn(socket: Socket, options?: PeerOptions): Peer;
/** A peer that connects; what is sent before it is connected waits. */
export function peerOn(runtime: Runtime, address: Address, options?: PeerOptions): Peer;
export function peerOn(from: Socket | Runtime, second?: Address | PeerOptions, third?: PeerOptions): Peer {
  if ("connect" in from) return new ScriptedPeer(third ?? {}).connect(from, second as Address);
  return new ScriptedPeer((second as PeerOptions | undefined) ?? {}).adopt(from);
}

class ScriptedPeer implements Peer, SocketHandler {
  closed: "end" | "reset" | null = null;
  isGone = false;
  connectError: SocketError | null = null;
  socket: Socket | null = null;
  receivedBytes = 0;
  keepsHalfOpen: boolean;
  onReceive: Peer["onReceive"] = null;
  onLeave: Peer["onLeave"] = null;

  readonly #options: PeerOptions;
  #chunks: Uint8Array[] = [];
  #isReading = true;
  #bytesPerSecond = 0;
  /** What was asked for before the connection was there. */
  #waiting: ((socket: Socket) => void)[] = [];

  constructor(options: PeerOptions) {
    this.#options = options;
    this.keepsHalfOpen = options.keepsHalfOpen ?? false;
  }

  connect(runtime: Runtime, address: Address): this {
    const highWaterBytes = this.#options.highWaterBytes ?? 65_536;
    runtime.connect({ address, highWaterBytes, tls: null }, (error, socket) => {
      if (socket !== null) return void this.adopt(socket);
      this.connectError = error;
      this.isGone = true;
    });
    return this;
  }

  adopt(socket: Socket): this {
    this.socket = socket;
    socket.handler = this;
    if (this.#isReading) socket.resume();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run(socket);
    return this;
  }

  send(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? bytesOfText(data) : data.slice();
    if (bytes.length > 0) this.#withSocket((socket) => void socket.write(bytes));
  }

  end(): void {
    this.#withSocket((socket) => socket.end());
  }

  destroy(): void {
    this.#withSocket((socket) => socket.destroy());
  }

  reset(): void {
    this.#withSocket((socket) => socket.reset());
  }

  stopReading(): void {
    this.#isReading = false;
    this.socket?.pause();
  }

  readOn(): void {
    this.#isReading = true;
    this.#bytesPerSecond = 0;
    this.socket?.resume();
  }

  readSlowly(bytesPerSecond: number): void {
    this.#isReading = true;
    this.#bytesPerSecond = bytesPerSecond;
    this.socket?.resume();
  }

  get received(): Uint8Array {
    const whole = joinBytes(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  text(): string {
    return textOfBytes(this.received);
  }

  clear(): void {
    this.#chunks = [];
    this.receivedBytes = 0;
  }

  onData(socket: Socket, memory: Uint8Array, start: number, end: number): void {
    const bytes = memory.subarray(start, end);
    this.#chunks.push(bytes);
    this.receivedBytes += bytes.length;
    if (this.#bytesPerSecond > 0) {
      socket.pause();
      const later = this.#options.later ?? ((ms, run) => void setTimeout(run, ms));
      later((bytes.length * 1000) / this.#bytesPerSecond, () => {
        if (this.#isReading && !this.isGone) socket.resume();
      });
    }
    this.onReceive?.(this, bytes);
  }

  onDrain(): void {}

  onEnd(socket: Socket): void {
    this.closed = "end";
    this.onLeave?.(this, "end");
    if (!this.keepsHalfOpen) socket.end();
  }

  onClose(_socket: Socket, error: SocketError | null): void {
    this.isGone = true;
    // What was said first counts: a reset behind a FIN answers bytes that we sent too late.
    if (error === null || this.closed !== null) return;
    this.closed = "reset";
    this.onLeave?.(this, "reset");
  }

  #withSocket(run: (socket: Socket) => void): void {
    if (this.socket !== null) run(this.socket);
    else this.#waiting.push(run);
  }
}
