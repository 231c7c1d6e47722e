/**
 * A TCP connection of the kernel as a socket of the port, past Deno's operations (`deno-poll.ts`): what can be read or written now
 * is one system call, and nothing has to be waited for, or allocated, for that.
 *
 * What may wait is read at once, before the kernel is asked to tell of more. So a connection that has served its only request
 * by then was never watched.
 */
import type { Address, Socket, SocketError } from "../core/runtime.ts";
import { addressIn, nameLength, nameRoom } from "./deno-address.ts";
import { keepMemory, letGoOfMemory } from "./deno-buffers.ts";
import { EAGAIN, EINTR, errorOf } from "./deno-errno.ts";
import { errno, libc } from "./deno-libc.ts";
import { closeByReset, takeError } from "./deno-options.ts";
import {
  type Continued,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  poll,
  type Watcher,
} from "./deno-poll.ts";
import { deliverRead, readRoom, releaseRead } from "./deno-read.ts";
import { LateSender } from "./late-writes.ts";
import { type Range, viewOf } from "./range.ts";
import { isOfPeer } from "./socket-error.ts";

// Linux' numbers.
const SHUT_WR = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

const WATCHED_TO_READ = EPOLLET | EPOLLIN | EPOLLPRI | EPOLLRDHUP;
export const WATCHED_TO_WRITE = WATCHED_TO_READ | EPOLLOUT;
/** An end, an error, or urgent data, at which a read stops, too. */
const MORE_BEHIND = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;

/** Small ones, behind each of which there may be more: mostly it is an end. A full one is the last of a turn. */
const READS_OF_TURN_MAX = 4;

/** For a ring, while what waits has to go first. */
const NOWHERE = -1;
/** Up to here two pieces are copied for one system call, which costs more. */
const JOINED_MAX = 32768;

const joined = new Uint8Array(JOINED_MAX);

export class TcpSocket extends LateSender implements Socket, Watcher, Continued {
  readonly #descriptor: number;
  readonly highWaterBytes: number;
  readonly peer: Address;
  readonly #isAccepted: boolean;
  #local: Address | null = null;
  paused = true;
  /** Nothing is read before `resume`. */
  #isResting = false;
  /** Something may wait to be read, for all that the kernel has told. */
  #isReadable: boolean;
  /** A short read need not be all: see `MORE_BEHIND`. */
  #isMoreBehind = false;
  #isReading = false;
  #isToGoOn = false;
  /** The kernel tells of more. */
  #isWatched: boolean;
  #isWatchedToWrite: boolean;
  /** The peer's FIN was read, and told. */
  #ended = false;
  /** What the kernel did not take. */
  #queue: Uint8Array[] = [];
  unsentBytes = 0;
  needsDrain = false;
  /** We sent FIN, or are about to, or can't write any more. */
  finished = false;
  #finSent = false;
  #closesAtEnd = false;
  /** Nothing but `onClose` may follow. */
  closed = false;

  /** One that is not accepted but connected is watched, for reading and writing, by whoever makes this. */
  constructor(descriptor: number, highWaterBytes: number, peer: Address, isAccepted: boolean) {
    super();
    this.#descriptor = descriptor;
    this.highWaterBytes = highWaterBytes;
    this.peer = peer;
    this.#isAccepted = isAccepted;
    this.#isWatched = !isAccepted;
    this.#isWatchedToWrite = !isAccepted;
    this.#isReadable = isAccepted;
    poll!.use();
  }

  get local(): Address {
    if (this.#local !== null) return this.#local;
    nameLength[0] = nameRoom.length;
    const isKnown = !this.closed && libc!.getsockname(this.#descriptor, nameRoom, nameLength) === 0;
    this.#local = isKnown ? addressIn(nameRoom) : { kind: "tcp", host: "", port: 0 };
    return this.#local;
  }

  override get descriptor(): number {
    return this.unsentBytes > 0 ? NOWHERE : this.#descriptor;
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────

  override sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#put(viewOf(bytes, start, end), SEND_FLAGS);
  }

  override sendBoth(first: Range, second: Range): boolean {
    const length = first.length + second.length;
    if (length > JOINED_MAX || this.unsentBytes > 0) {
      this.#put(first.view(0), SEND_FLAGS | MSG_MORE);
      return this.#put(second.view(0), SEND_FLAGS);
    }
    joined.set(first.view(0));
    joined.set(second.view(0), first.length);
    const sent = this.#send(joined, length, SEND_FLAGS);
    if (sent < first.length) this.#enqueue(first.view(sent));
    if (sent < length) this.#enqueue(second.view(Math.max(0, sent - first.length)));
    return this.#isBelowMark();
  }

  #put(bytes: Uint8Array, flags: number): boolean {
    // The piece in front may have failed, and closed this.
    const sent = this.unsentBytes > 0 || this.finished ? 0 : this.#send(bytes, bytes.length, flags);
    if (sent < bytes.length) this.#enqueue(sent === 0 ? bytes : bytes.subarray(sent));
    return this.#isBelowMark();
  }

  /** How many bytes the kernel took. */
  #send(bytes: Uint8Array, length: number, flags: number): number {
    const sent = libc!.send(this.#descriptor, bytes, length, flags);
    if (sent >= 0) return sent;
    const error = errno();
    if (error !== EAGAIN && error !== EINTR) this.#writeFailed(errorOf(error, "send"));
    return 0;
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.finished) return; // by a failed write
    keepMemory(bytes);
    this.#queue.push(bytes);
    this.unsentBytes += bytes.length;
    if (!this.#isWatchedToWrite) this.#watch(WATCHED_TO_WRITE);
  }

  #isBelowMark(): boolean {
    if (this.unsentBytes < this.highWaterBytes || this.finished) return true;
    this.needsDrain = true;
    return false;
  }

  #flush(): void {
    const queue = this.#queue;
    while (queue.length > 0) {
      const bytes = queue[0] as Uint8Array;
      const sent = this.#send(bytes, bytes.length, SEND_FLAGS);
      if (this.unsentBytes === 0) return; // it failed
      this.unsentBytes -= sent;
      if (sent < bytes.length) {
        if (sent > 0) this.#shorten(bytes, sent);
        break;
      }
      letGoOfMemory(bytes);
      queue.shift();
    }
    if (this.unsentBytes === 0 && this.finished) this.#allSent();
    if (this.unsentBytes <= this.highWaterBytes / 2) this.#tellDrained();
  }

  /** Of the first in the queue, so much was sent. */
  #shorten(bytes: Uint8Array, sent: number): void {
    const rest = bytes.subarray(sent);
    keepMemory(rest);
    letGoOfMemory(bytes);
    this.#queue[0] = rest;
  }

  /**
   * What the peer had sent before it left still waits in the kernel: a server's early answer, the last words of a tunnel. Only a
   * client that nobody reads from would never be heard of.
   */
  #writeFailed(error: SocketError): void {
    this.finished = true;
    this.#dropQueue();
    const isUnheard = this.#isAccepted && (this.paused || this.#isResting);
    if (isUnheard || this.#ended || !isOfPeer(error)) {
      this.#close(error);
      return;
    }
    this.writeError = error;
    this.#isReadable = true;
    this.#goOnLater();
    if (this.needsDrain) queueMicrotask(() => this.#tellDrained());
  }

  #tellDrained(): void {
    if (!this.needsDrain || this.closed) return;
    this.needsDrain = false;
    this.guard(() => this.handler.onDrain(this));
  }

  #dropQueue(): void {
    for (const bytes of this.#queue) letGoOfMemory(bytes);
    this.#queue = [];
    this.unsentBytes = 0;
  }

  #allSent(): void {
    if (this.#closesAtEnd) this.#close(null);
    else this.#sendFin();
  }

  #sendFin(): void {
    libc!.shutdown(this.#descriptor, SHUT_WR); // fails where the peer was faster, and reading tells how it ended
    this.#finSent = true;
    if (this.#ended) this.#close(null);
  }

  release(bytes: Uint8Array): void {
    releaseRead(bytes);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────

  pause(): void {
    this.paused = true;
    if (this.#isAccepted && this.writeError !== null) this.#close(this.writeError);
  }

  restReading(): boolean {
    this.#isResting = !this.closed && this.writeError === null; // which reading is to tell
    return this.#isResting;
  }

  resume(): void {
    if (this.closed || !(this.paused || this.#isResting)) return;
    this.paused = false;
    this.#isResting = false;
    if (!this.#isWatched) this.#isReadable = true; // nobody has told otherwise
    // Never from inside `resume`.
    if (this.#isReadable && !this.#isReading) this.#goOnLater();
  }

  onReady(events: number): void {
    if (this.unsentBytes > 0 && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0) this.#flush();
    if (this.closed || (events & ~EPOLLOUT) === 0) return;
    this.#isReadable = true;
    if ((events & MORE_BEHIND) !== 0) this.#isMoreBehind = true;
    if (this.#ended && (events & EPOLLERR) !== 0) this.#close(errorOf(takeError(this.#descriptor), "poll"));
    else this.readOn();
  }

  /** Once: with an event in the same turn, too, there would be one more in each. */
  #goOnLater(): void {
    if (this.#isToGoOn) return;
    this.#isToGoOn = true;
    poll!.goOnLater(this);
  }

  goOn(): void {
    this.#isToGoOn = false;
    this.readOn();
  }

  /** What is there is delivered, but for what would keep others waiting. */
  readOn(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    for (let reads = 1; this.#mayRead(); reads++) {
      const into = readRoom();
      const length = libc!.recv(this.#descriptor, into, into.length, MSG_DONTWAIT);
      if (length <= 0) {
        this.#readNothing(length);
        continue;
      }
      const isAll = length < into.length;
      if (isAll && !this.#isMoreBehind) this.#isReadable = false;
      this.#deliver(length);
      if (isAll && reads < READS_OF_TURN_MAX) continue;
      if (this.#mayRead()) this.#goOnLater();
      break;
    }
    this.#isReading = false;
    if (!this.#isWatched && !(this.paused || this.closed || this.#isResting || this.#isReadable)) {
      this.#watch(WATCHED_TO_READ);
    }
  }

  #mayRead(): boolean {
    return this.#isReadable && !(this.paused || this.closed || this.#isResting);
  }

  #readNothing(length: number): void {
    const error = length === 0 ? 0 : errno();
    if (error === EINTR) return;
    this.#isReadable = false;
    if (error === EAGAIN) return;
    if (this.writeError !== null) this.#close(this.writeError);
    else if (error !== 0) this.#close(errorOf(error, "recv"));
    else this.#deliverEnd();
  }

  #deliver(length: number): void {
    try {
      deliverRead(this, length);
    } catch (error) {
      this.thrown(error);
    }
  }

  #deliverEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.guard(() => this.handler.onEnd(this));
    if (this.#finSent) this.#close(null);
  }

  #watch(events: number): void {
    const isTold = this.#isWatched
      ? poll!.watchFor(this.#descriptor, events)
      : poll!.watch(this.#descriptor, events, this);
    this.#isWatched = true;
    this.#isWatchedToWrite = events === WATCHED_TO_WRITE;
    if (!isTold) this.#close(errorOf(errno(), "epoll_ctl"));
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────

  end(): void {
    if (this.finished) return;
    this.sendLate();
    if (this.finished) return;
    this.finished = true;
    if (this.unsentBytes === 0) this.#allSent();
  }

  endAndClose(): boolean {
    this.sendLate();
    this.#closesAtEnd = true;
    if (this.unsentBytes > 0) this.end();
    else this.#close(null);
    return this.closed;
  }

  destroy(): void {
    this.sendLate();
    this.#close(null);
  }

  reset(): void {
    this.sendLate(); // which may close
    if (this.closed) return;
    closeByReset(this.#descriptor);
    this.#close(null);
  }

  /** Every way out leads through here; `onClose` follows in a moment. */
  #close(error: SocketError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.finished = true;
    this.writeError = null;
    this.#dropQueue();
    poll!.close(this.#descriptor);
    poll!.unuse();
    queueMicrotask(() => this.handler.onClose(this, error));
  }
}
