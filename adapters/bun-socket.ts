/**
 * A Bun socket as a socket of the port. One table of handlers serves every socket and the state hangs on `socket.data`.
 * Bun queues nothing: `write` answers how much the kernel took and we keep the rest until `drain`.
 */
import { Buffer } from "node:buffer";
import type { Address, Attempt, ConnectDone, Socket, SocketError } from "../core/runtime.ts";
import { abortConnect, type Connecting } from "./bun-connecting.ts";
import { peerOf, readWaiting } from "./bun-descriptor.ts";
import { freeMemory, keepMemory, letGoOfMemory } from "./chunk-memory.ts";
import { LateSender } from "./late-writes.ts";
import { type Range, viewOf } from "./range.ts";
import { CANCELED, tcpAddress, toSocketError } from "./socket-error.ts";

export interface RawSocket {
  /** Bun puts the listener's own here before `open`. */
  data: object;
  readonly fd: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** How many bytes the kernel took, -1 when closed. */
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  /** FIN; `end` and `close` would close both directions. */
  shutdown(): void;
  setKeepAlive(on: boolean, delayMs: number): boolean;
  close(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** Two pieces side by side for one write; the kernel takes them at once, or what is left is copied. */
const JOIN_ROOM = new Uint8Array(20 * 1024);
/** Makes no view, unlike `set` of a part. */
const { copy } = Buffer.prototype;

export class BunSocket extends LateSender implements Socket, Attempt {
  raw: RawSocket | null = null;
  readonly highWaterBytes: number;
  /** Wanted once connected; 0 for none. */
  keepAliveMs = 0;
  /** Set while connecting. */
  done: ConnectDone | null;
  /** Null where its socket can't be told before it is connected, and for accepted ones. */
  connecting: Connecting | null = null;
  paused = true;
  rawPaused = false;
  /** What came in spite of `pause`: Bun empties the kernel before it tells of a reset. */
  held: Uint8Array[] = [];
  ended = false;
  endTold = false;
  closed = false;
  /** A write has failed. */
  isGone = false;
  /** What `onClose` will say. */
  error: SocketError | null = null;
  /** `destroy` or `reset` was called, or `onClose` told: nothing may follow but an `onClose` already on its way. */
  over = false;
  /** What the kernel has not taken: `queue[0]` from `queueOffset` on. */
  queue: Uint8Array[] = [];
  queueOffset = 0;
  unsentBytes = 0;
  needsDrain = false;
  /** Nothing more may be written: `end` was called or the socket is closed. */
  finished = false;
  /** `endAndClose` was called. */
  closesAtEnd = false;
  readonly isAccepted: boolean;
  readonly #bound: Address;
  #local: Address | null = null;
  #peer: Address | null = null;

  constructor(highWaterBytes: number, bound: Address, done: ConnectDone | null) {
    super();
    this.highWaterBytes = highWaterBytes;
    this.#bound = bound;
    this.done = done;
    this.isAccepted = done === null;
  }

  get local(): Address {
    this.#local ??= this.#address(this.raw?.localAddress, this.raw?.localPort);
    return this.#local;
  }

  get peer(): Address {
    this.#peer ??= this.#askedPeer();
    return this.#peer;
  }

  #askedPeer(): Address {
    const { raw } = this;
    const peer = raw === null || this.#bound.kind === "unix" ? null : peerOf(raw);
    return peer ?? this.#address(raw?.remoteAddress, raw?.remotePort);
  }

  #address(host: string | undefined, port: number | undefined): Address {
    return this.#bound.kind === "unix" ? this.#bound : tcpAddress(host, port);
  }

  /** A socket is told of while it still reads, because most owners resume at once; nothing can arrive before this returns. */
  opened(tell: () => void): void {
    this.guard(tell);
    if (this.paused && !this.rawPaused && !this.over) this.#pauseRaw();
  }

  /** Behind `onSocket`: most clients send at once, so the request waits already when its connection is accepted. */
  readWaiting(): void {
    if (this.paused || this.over) return;
    const bytes = readWaiting((this.raw as RawSocket).fd);
    if (bytes !== null) EVENTS.data(this.raw as RawSocket, bytes);
  }

  /** Asked for each time: once a socket is closed its number is somebody else's, and Bun says -1. */
  override get descriptor(): number {
    return (this.raw as RawSocket).fd;
  }

  #pauseRaw(): void {
    this.rawPaused = true;
    this.raw?.pause();
  }

  override sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const count = this.unsentBytes === 0 ? (this.raw as RawSocket).write(bytes, start, length) : 0;
    if (count < 0) this.#writeFailed();
    return count === length || count < 0 || this.#queue(viewOf(bytes, start + count, end));
  }

  /** Bun has no writev; up to a certain size one copy is cheaper than a second system call. */
  override sendBoth(first: Range, second: Range): boolean {
    const length = first.length + second.length;
    if (length > JOIN_ROOM.length || this.unsentBytes > 0) {
      this.sendNow(first.bytes, first.start, first.end);
      return this.finished || this.sendNow(second.bytes, second.start, second.end);
    }
    copy.call(first.bytes, JOIN_ROOM, 0, first.start, first.end);
    copy.call(second.bytes, JOIN_ROOM, first.length, second.start, second.end);
    const count = (this.raw as RawSocket).write(JOIN_ROOM, 0, length);
    if (count < 0) this.#writeFailed();
    return count === length || count < 0 || this.#queue(JOIN_ROOM.slice(count, length));
  }

  /** The kernel took none of it. */
  #queue(bytes: Uint8Array): boolean {
    keepMemory(bytes);
    this.queue.push(bytes);
    this.unsentBytes += bytes.length;
    if (this.unsentBytes < this.highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  /** -1: it is gone, and `close` says why; but never of a UNIX socket while that is paused. */
  #writeFailed(): void {
    this.isGone = true;
    this.#closeUnheard();
  }

  #closeUnheard(): void {
    if (!this.isAccepted || !this.paused || this.closed || this.over) return;
    closeAsGone(this.raw as RawSocket);
  }

  release(bytes: Uint8Array): void {
    freeMemory(bytes);
  }

  /** The kernel takes bytes again. */
  flush(): void {
    const { queue } = this;
    const raw = this.raw as RawSocket;
    let written = 0;
    while (written < queue.length) {
      const bytes = queue[written] as Uint8Array;
      const count = raw.write(this.queueOffset === 0 ? bytes : bytes.subarray(this.queueOffset));
      if (count < 0) {
        this.#writeFailed();
        return;
      }
      this.unsentBytes -= count;
      this.queueOffset += count;
      if (this.queueOffset < bytes.length) break;
      this.queueOffset = 0;
      written += 1;
      letGoOfMemory(bytes);
    }
    queue.splice(0, written);
    if (queue.length === 0 && this.closesAtEnd) {
      this.destroy();
      return;
    }
    if (queue.length === 0 && this.finished) raw.shutdown();
    if (this.unsentBytes <= this.highWaterBytes / 2) this.drained();
  }

  drained(): void {
    if (!this.needsDrain || this.over) return;
    this.needsDrain = false;
    this.guard(() => this.handler.onDrain(this));
  }

  end(): void {
    if (this.finished) return;
    this.sendLate();
    this.finished = true;
    if (this.unsentBytes === 0) (this.raw as RawSocket).shutdown();
  }

  endAndClose(): boolean {
    this.sendLate();
    this.finished = true;
    this.closesAtEnd = true;
    if (this.unsentBytes === 0) this.destroy();
    return this.over;
  }

  destroy(): void {
    this.sendLate();
    if (!this.#finish()) return;
    if (!this.closed) (this.raw as RawSocket).close();
  }

  reset(): void {
    this.sendLate();
    if (!this.#finish()) return;
    if (!this.closed) (this.raw as RawSocket).terminate();
  }

  /** Before `close()`, which calls back from inside: from here on the raw socket is not listened to. */
  #finish(): boolean {
    if (this.over) return false;
    this.over = true;
    this.finished = true;
    this.queue = [];
    this.unsentBytes = 0;
    this.held = [];
    queueMicrotask(() => this.handler.onClose(this, null));
    return true;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    if (this.isGone) this.#closeUnheard();
    if (!this.closed) this.#pauseRaw();
  }

  restReading(): boolean {
    return false;
  }

  resume(): void {
    if (!this.paused || this.over) return;
    this.paused = false;
    if (this.rawPaused && !this.closed) {
      this.rawPaused = false;
      this.raw?.resume();
    }
    if (this.held.length > 0 || this.ended) queueMicrotask(() => this.deliver());
  }

  cancel(): void {
    if (this.done !== null && this.connecting !== null) abortConnect(this.connecting);
    this.connectFailed(CANCELED);
  }

  connectFailed(error: SocketError): void {
    const { done } = this;
    if (done === null) return;
    this.done = null;
    this.over = true;
    queueMicrotask(() => done(error, null));
  }

  /** Tells what has come, in order, as far as `pause` allows. */
  deliver(): void {
    while (this.held.length > 0) {
      if (this.paused || this.over) return;
      const bytes = this.held.shift() as Uint8Array;
      this.guard(() => this.handler.onData(this, bytes, 0, bytes.length));
    }
    if (this.over) return;
    if (this.ended && !this.endTold) {
      if (this.paused) return;
      this.endTold = true;
      this.guard(() => this.handler.onEnd(this));
      if (this.over) return;
    }
    if (!this.closed) return;
    this.over = true;
    this.writeError = null;
    this.handler.onClose(this, this.error);
  }
}

export const EVENTS = {
  binaryType: "uint8array",
  data(raw: RawSocket, bytes: Uint8Array): void {
    const socket = raw.data as BunSocket;
    if (socket.over) return;
    if (socket.paused || socket.held.length > 0) {
      socket.held.push(bytes);
      return;
    }
    try {
      socket.handler.onData(socket, bytes, 0, bytes.length);
    } catch (error) {
      socket.thrown(error);
    }
  },
  drain(raw: RawSocket): void {
    const socket = raw.data as BunSocket;
    if (socket.unsentBytes > 0) socket.flush();
  },
  end(raw: RawSocket): void {
    const socket = raw.data as BunSocket;
    // The write that met a reset has had the word of it: to Bun, which reads on, it looks like a FIN.
    if (socket.isGone && socket.isAccepted && !socket.closed && !socket.over) {
      closeAsGone(raw);
      return;
    }
    socket.ended = true;
    socket.deliver();
  },
  close(raw: RawSocket, error: unknown): void {
    const socket = raw.data as BunSocket;
    if (socket.closed) return;
    socket.closed = true;
    socket.finished = true;
    socket.queue = [];
    socket.unsentBytes = 0;
    if ((error === undefined || error === null) && !(socket.isGone && socket.isAccepted)) {
      // Bun 1.4 tells a FIN that comes after our own only as `close` (oven-sh/bun#35947).
      socket.ended = true;
    } else {
      socket.error = toSocketError(error ?? { code: "EPIPE", message: "write EPIPE" });
      // Whoever has paused would not hear of it, and nobody is there to be answered.
      if (socket.isAccepted) {
        socket.held = [];
        socket.ended = false;
      } else {
        socket.writeError = socket.error;
        if (socket.needsDrain) queueMicrotask(() => socket.drained());
      }
    }
    // Bun may close from inside a write of the owner's.
    if (!socket.over) queueMicrotask(() => socket.deliver());
  },
  error(_raw: RawSocket, error: unknown): void {
    // Handlers are guarded, so this is the adapter's own mistake.
    queueMicrotask(() => {
      throw error;
    });
  },
};

function closeAsGone(raw: RawSocket): void {
  EVENTS.close(raw, { code: "EPIPE", message: "write EPIPE" });
  raw.terminate();
}
