import type { Socket as NetSocket } from "node:net";
import { Readable } from "node:stream";
import type { Address, Attempt, ConnectDone, Socket, SocketError } from "../core/runtime.ts";
import { keepMemory } from "./chunk-memory.ts";
import { LateSender } from "./late-writes.ts";
import { countRead } from "./node-garbage.ts";
import { unlessReset } from "./node-hidden-reset.ts";
import { readBeforeWriteError } from "./node-last-read.ts";
import { releaseRead } from "./node-read.ts";
import { writeNow, writePairNow } from "./node-write-now.ts";
import type { Range } from "./range.ts";
import { CANCELED, tcpAddress, toSocketError } from "./socket-error.ts";

/** The net.Socket, which carries its owner so that listeners can be shared functions. */
export interface RawSocket extends NetSocket {
  owner: NodeSocket;
}

export class NodeSocket extends LateSender implements Socket, Attempt {
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
    super();
    this.raw = raw;
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
    this.done = done;
    // Asked while the socket is surely open: logs want it after the close, too.
    if (done === null) void this.peer;
    raw.owner = this;
    raw.on("data", onData);
    raw.push = push;
    raw.on("drain", onDrain);
    raw.on("end", onEnd);
    raw.on("error", onError);
    raw.on("close", onClose);
    if (done !== null) {
      readBeforeWriteError(raw, (bytes) => {
        if (!this.abandoned && !this.paused) this.guard(() => this.handler.onData(this, bytes, 0, bytes.length));
      });
    }
  }

  get local(): Address {
    this.#local ??= this.#address(this.raw.localAddress, this.raw.localPort);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= this.#address(this.raw.remoteAddress, this.raw.remotePort);
    return this.#peer;
  }

  get isUnix(): boolean {
    return this.#bound.kind === "unix";
  }

  #address(host: string | undefined, port: number | undefined): Address {
    return this.isUnix ? this.#bound : tcpAddress(host, port);
  }

  get unsentBytes(): number {
    return this.raw.writableLength;
  }

  // A write that has failed is told a tick later. Until then whatever is sent would leave a gap where it was: also what the stream
  // has queued behind it, which `uncork` of Node 20 writes all the same.

  override sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    const { raw } = this;
    if (!raw.writable) return true;
    const sentTo = start + (raw.writableLength === 0 ? writeNow(raw, bytes, start, end) : 0);
    if (sentTo === end) return true;
    // A Buffer at once: given any other view, net.Socket makes a second one.
    raw.write(Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + sentTo, end - sentTo));
    return this.#accepted(bytes);
  }

  override sendBoth(first: Range, second: Range): boolean {
    const { raw } = this;
    if (!raw.writable) return true;
    const sent = raw.writableLength === 0 ? writePairNow(raw, first.view(0), second.view(0)) : 0;
    if (sent === first.length + second.length) return true;
    raw.cork();
    if (sent < first.length) raw.write(first.view(sent));
    raw.write(second.view(Math.max(0, sent - first.length)));
    raw.uncork();
    if (raw.writableLength > 0) keepMemory(first.bytes);
    return this.#accepted(second.bytes);
  }

  release(bytes: Uint8Array): void {
    releaseRead(bytes);
  }

  /** Node answers false before it tried the kernel; only what is left afterwards counts here. */
  #accepted(bytes: Uint8Array): boolean {
    const queuedBytes = this.raw.writableLength;
    if (queuedBytes > 0) keepMemory(bytes);
    if (queuedBytes < this.highWaterBytes || this.raw.destroyed) return true;
    this.needsDrain = true;
    return false;
  }

  end(): void {
    if (this.finished) return;
    this.sendLate();
    this.finished = true;
    this.raw.end();
  }

  endAndClose(): boolean {
    this.sendLate();
    if (this.raw.writableLength === 0) this.destroy();
    else {
      this.end();
      this.raw.once("finish", onFinish);
    }
    return this.raw.destroyed;
  }

  destroy(): void {
    this.sendLate();
    this.#abandon();
    this.raw.destroy();
  }

  reset(): void {
    const { raw } = this;
    this.sendLate();
    this.#abandon();
    // While FIN is on its way libuv refuses, and what Node makes of that is a socket that never closes.
    const isEnding = raw.writableEnded && raw.writableLength === 0 && !raw.writableFinished;
    // A UNIX socket has no RST, and Node throws when asked for one.
    if (raw.destroyed || raw.remoteFamily === undefined || isEnding) raw.destroy();
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

  restReading(): boolean {
    return false;
  }

  resume(): void {
    if (!this.paused || this.abandoned) return;
    this.paused = false;
    if (this.endHeld) queueMicrotask(() => this.ended());
    else this.raw.resume();
  }

  cancel(): void {
    if (this.done === null || this.abandoned) return;
    this.error = CANCELED;
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
}

export function onConnect(this: NetSocket): void {
  const { owner } = this as RawSocket;
  const { done } = owner;
  if (owner.abandoned || done === null) return;
  owner.done = null;
  owner.guard(() => done(null, owner));
}

function onData(this: NetSocket, bytes: Uint8Array): void {
  const { owner } = this as RawSocket;
  countRead(bytes.length);
  if (!owner.abandoned) deliver(owner, bytes);
}

/**
 * What Node calls with every read of a socket without `onread`. Straight to the handler, past buffering, events and a
 * tick each: ten percent of a small request on Node 20. While paused, and until what came meanwhile is out, the stream keeps it.
 */
function push(this: Readable, bytes: Uint8Array | null): boolean {
  const { owner } = this as RawSocket;
  if (bytes === null || owner.paused || this.readableLength > 0) return Readable.prototype.push.call(this, bytes);
  onData.call(this as RawSocket, bytes);
  return true;
}

function deliver(owner: NodeSocket, bytes: Uint8Array): void {
  try {
    owner.handler.onData(owner, bytes, 0, bytes.length);
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

function onFinish(this: NetSocket): void {
  (this as RawSocket).owner.destroy();
}

function onEnd(this: NetSocket): void {
  const { owner } = this as RawSocket;
  owner.endHeld = true;
  // A UNIX socket has no reset, and answers a write after any close with an error.
  if (owner.isUnix) owner.ended();
  else
    unlessReset(this, () => {
      if (owner.endHeld) owner.ended();
    });
}

function onError(this: NetSocket, error: unknown): void {
  const { owner } = this as RawSocket;
  owner.error ??= toSocketError(error);
  owner.finished = true;
}

function onClose(this: NetSocket): void {
  const { owner } = this as RawSocket;
  if (owner.endHeld && !owner.abandoned && owner.error === null) owner.closeHeld = true;
  else owner.closed();
}
