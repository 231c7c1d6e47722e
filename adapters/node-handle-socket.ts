/**
 * A connection as a socket of the port, on Node's handle: net.Socket around it, a Duplex with its listeners, its ticks and
 * two queues, was a third of the user time of a short connection.
 */
import { readSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import type { Address, Socket, SocketError } from "../core/runtime.ts";
import { keepMemory } from "./chunk-memory.ts";
import { LateSender } from "./late-writes.ts";
import {
  type HandleRequest,
  isWriteQueued,
  newShutdown,
  readLength,
  type SocketHandle,
  type SocketName,
  UV_EOF,
  unusedWrite,
  useWrite,
} from "./node-handle.ts";
import { deliverRead, READ_ROOM, releaseRead } from "./node-read.ts";
import { type Range, viewOf } from "./range.ts";
import { isOfPeer, tcpAddress, toSocketError } from "./socket-error.ts";

// How far our FIN is. Node is told behind the queue only: from then until it is sent, libuv refuses a reset.
const FIN_NONE = 0;
const FIN_WAITING = 1;
const FIN_UNDER_WAY = 2;
const FIN_SENT = 3;

export class HandleSocket extends LateSender implements Socket {
  readonly handle: SocketHandle;
  /** Below 0 once it is closed: its number is somebody else's then. */
  #descriptor: number;
  readonly highWaterBytes: number;
  readonly peer: Address;
  readonly #isAccepted: boolean;
  #local: Address | null = null;
  paused = true;
  /** What came with the connection was looked at: from here on the kernel tells. */
  #isBegun = false;
  /** Node knows of `onRead`. */
  #isStarted = false;
  /** Nothing is read before `resume`. */
  #isResting = false;
  needsDrain = false;
  /** We sent FIN, or are about to, or can't write any more. */
  finished = false;
  #fin = FIN_NONE;
  #closesAtEnd = false;
  /** The peer's FIN came, and was told. */
  #ended = false;
  #endTold = false;
  /** Writes that the kernel has not taken whole. */
  #writes = 0;
  /** Nothing but `onClose` may follow. */
  closed = false;
  /** What `onClose` will say. */
  error: SocketError | null = null;

  /** `handle` is connected, and `peer` whom it is connected to. */
  constructor(handle: SocketHandle, highWaterBytes: number, peer: Address, isAccepted: boolean) {
    super();
    this.handle = handle;
    this.#descriptor = handle.fd;
    this.highWaterBytes = highWaterBytes;
    this.peer = peer;
    this.#isAccepted = isAccepted;
    handle.owner = this;
  }

  get local(): Address {
    this.#local ??= this.#askedLocal();
    return this.#local;
  }

  #askedLocal(): Address {
    if (this.peer.kind === "unix") return this.peer;
    const name: SocketName = {};
    if (!this.closed) this.handle.getsockname?.(name);
    return tcpAddress(name.address, name.port);
  }

  get unsentBytes(): number {
    return this.#writes === 0 || this.closed ? 0 : this.handle.writeQueueSize;
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────

  /** The handle writes at once what the kernel takes, and queues the rest. */
  override sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    const view = viewOf(bytes, start, end);
    const request = unusedWrite();
    return this.#sent(request, this.handle.writeBuffer(request, view), view, view);
  }

  override sendBoth(first: Range, second: Range): boolean {
    const views = [first.view(0), second.view(0)] as const;
    const request = unusedWrite();
    return this.#sent(request, this.handle.writev(request, views, true), ...views);
  }

  #sent(request: HandleRequest, status: number, first: Uint8Array, last: Uint8Array): boolean {
    if (status === 0 && !isWriteQueued()) return true;
    useWrite();
    if (status !== 0) {
      this.#writeFailed(status);
      return true;
    }
    request.owner = this;
    request.oncomplete = onWritten;
    request.bytes = [first, last];
    keepMemory(first);
    keepMemory(last);
    this.#writes++;
    if (this.unsentBytes < this.highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  written(status: number): void {
    this.#writes--;
    if (this.closed) return;
    if (status !== 0) {
      this.#writeFailed(status);
      return;
    }
    if (this.#writes === 0 && this.#closesAtEnd) this.destroy();
    else if (this.#writes === 0 && this.#fin === FIN_WAITING) this.#sendFin();
    if (this.needsDrain && this.unsentBytes <= this.highWaterBytes / 2) this.#tellDrained();
  }

  /**
   * What the peer had sent before it left still waits in the kernel: a server's early answer, the last words of a tunnel. Only a
   * client that nobody reads from would never be heard of.
   */
  #writeFailed(status: number): void {
    this.finished = true;
    this.writeError ??= errorOf(status, "write");
    const isUnheard = this.#isAccepted && (this.paused || this.#isResting);
    if (isUnheard || this.#ended || !isOfPeer(this.writeError)) this.close(this.writeError);
    else if (this.needsDrain) queueMicrotask(() => this.#tellDrained());
  }

  #tellDrained(): void {
    if (!this.needsDrain || this.closed) return;
    this.needsDrain = false;
    this.guard(() => this.handler.onDrain(this));
  }

  release(bytes: Uint8Array): void {
    releaseRead(bytes);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    if (this.#isAccepted && this.writeError !== null) this.close(this.writeError);
    if (this.#isStarted && !this.closed) this.handle.readStop();
  }

  /** Only before Node has begun to read: stopping is a system call, too. And not if reading is to tell of a failed write. */
  restReading(): boolean {
    this.#isResting = !this.#isStarted && !this.closed && this.writeError === null;
    return this.#isResting;
  }

  resume(): void {
    if (this.closed || !(this.paused || this.#isResting)) return;
    this.paused = false;
    this.#isResting = false;
    if (this.#ended) queueMicrotask(() => this.#tellEnd());
    else if (this.#isBegun) this.#start();
  }

  /**
   * Behind `onSocket` of an accepted one. Most clients send at once, so the request waits already when its connection is accepted: one that is
   * the last, too, is read and answered without the event loop.
   */
  begin(): void {
    if (!this.paused && !this.closed) this.#readFirst();
    this.beginReading();
  }

  beginReading(): void {
    this.#isBegun = true;
    if (!this.paused && !this.closed && !this.#isResting) this.#start();
  }

  #readFirst(): void {
    if (!paysToTry()) return;
    let length = 0;
    try {
      length = readSync(this.#descriptor, READ_ROOM);
    } catch (error) {
      const failure = toSocketError(error);
      if (failure.code !== "EUNKNOWN") this.close(failure); // it is told but once; EAGAIN is none of ours
    }
    tried(length > 0);
    // An end is told again.
    if (length > 0) this.read(length);
  }

  #start(): void {
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.handle.onread = onRead;
      this.handle.useUserBuffer(READ_ROOM);
    }
    this.handle.readStart();
  }

  read(length: number): void {
    if (this.closed) return;
    if (length > 0) {
      try {
        deliverRead(this, length);
      } catch (error) {
        this.destroy();
        throw error;
      }
    } else if (length < 0 && length !== UV_EOF) this.close(this.writeError ?? errorOf(length, "read"));
    else if (length === UV_EOF) {
      this.#ended = true;
      if (this.writeError !== null) this.close(this.writeError);
      else this.#tellEnd();
    }
  }

  #tellEnd(): void {
    if (this.paused || this.closed || this.#endTold) return;
    this.#endTold = true;
    this.guard(() => this.handler.onEnd(this));
    this.#closeIfDone();
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────

  end(): void {
    if (this.finished) return;
    this.sendLate();
    if (this.finished) return;
    this.finished = true;
    if (this.#writes === 0) this.#sendFin();
    else this.#fin = FIN_WAITING;
  }

  #sendFin(): void {
    this.#fin = FIN_UNDER_WAY;
    const request = newShutdown();
    request.owner = this;
    request.oncomplete = onShutdown;
    // The peer may have been faster; reading tells how it ended.
    if (this.handle.shutdown(request) !== 0) this.shutDown();
  }

  shutDown(): void {
    this.#fin = FIN_SENT;
    this.#closeIfDone();
  }

  /** Both directions have ended. */
  #closeIfDone(): void {
    if (this.#fin === FIN_SENT && this.#endTold) this.close(null);
  }

  endAndClose(): boolean {
    if (this.closed) return true;
    this.sendLate();
    if (this.#writes === 0) this.destroy();
    else {
      this.#closesAtEnd = true;
      this.finished = true;
    }
    return this.closed;
  }

  destroy(): void {
    this.sendLate();
    this.close(null);
  }

  reset(): void {
    this.sendLate();
    if (this.closed) this.error = null;
    // A UNIX socket has no RST. A handle that refuses one can't be closed any more, so it is not asked.
    else if (this.handle.reset === undefined || this.#fin === FIN_UNDER_WAY) this.close(null);
    else if (this.handle.reset(onReset) !== 0) this.close(null);
    else this.#markClosed(null);
  }

  /** Every way out but `reset` leads through here; `onClose` follows in a moment. */
  close(error: SocketError | null): void {
    // A destroy of ours that crosses a failure hides it.
    if (this.closed && error === null) this.error = null;
    if (this.closed) return;
    this.#markClosed(error);
    this.handle.close();
    tellClosed(this);
  }

  #markClosed(error: SocketError | null): void {
    this.closed = true;
    this.finished = true;
    this.#descriptor = -1;
    this.error = error;
    this.writeError = null;
  }
}

/** A try that finds nothing makes an error, which costs as much as some that find something gain: the more of them, the fewer tries. */
const SKIPPED_MAX = 63;
let skipsAfterMiss = 0;
let skipsLeft = 0;

function paysToTry(): boolean {
  if (skipsLeft === 0) return true;
  skipsLeft--;
  return false;
}

function tried(hasFound: boolean): void {
  skipsAfterMiss = hasFound ? skipsAfterMiss >> 1 : Math.min(2 * skipsAfterMiss + 1, SKIPPED_MAX);
  if (!hasFound) skipsLeft = skipsAfterMiss;
}

function onRead(this: SocketHandle): void {
  (this.owner as HandleSocket).read(readLength());
}

function onWritten(this: HandleRequest, status: number): void {
  (this.owner as HandleSocket).written(status);
}

function onShutdown(this: HandleRequest): void {
  const socket = this.owner as HandleSocket;
  if (!socket.closed) socket.shutDown();
}

function onReset(this: SocketHandle): void {
  const socket = this.owner as HandleSocket;
  socket.handler.onClose(socket, socket.error);
}

/** Closed in this turn, and not told yet. */
const closed: HandleSocket[] = [];
const soon = Promise.resolve();

/** The descriptor is free by now; that Node calls back for each handle a phase later would tell nothing new, for 2.6 % of a short connection. */
function tellClosed(socket: HandleSocket): void {
  if (closed.push(socket) === 1) soon.then(tellAllClosed);
}

function tellAllClosed(): void {
  for (const socket of closed.splice(0)) {
    try {
      socket.handler.onClose(socket, socket.error);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** `status` is an errno, below 0. */
export function errorOf(status: number, what: string): SocketError {
  const code = getSystemErrorName(status);
  return toSocketError({ code, message: `${what} ${code}` });
}
