/**
 * Which descriptors are ready, by an epoll of our own: one system call for all that are, instead of an operation of Deno's, a
 * promise and a task for each read. Between two turns Deno's event loop goes on:
 *
 *   nothing was ready   → the next turn when there is more (`deno-wake.ts`)
 *   something was ready → the next turn is an immediate: more is likely to have come, and to be woken costs more than to look;
 *                         but not for long: while there are immediates Deno looks at its own sockets, DNS and signals every
 *                         sixtieth time only
 *
 * A connection is watched for edges: it is told once that more can be read or written, and again only after the kernel had to
 * say no. So whoever is told goes on until then, or keeps in mind that there is more. A listener is told in each turn in which
 * its queue holds any.
 */

// Deno's own timers are numbers.
import { clearInterval, setInterval, setTimeout } from "node:timers";
import { libc } from "./deno-libc.ts";
import { createWake, type Wake } from "./deno-wake.ts";
import { beginTurn, endTurn } from "./late-writes.ts";

/** Who is told what a descriptor is ready for. */
export interface Watcher {
  onReady(events: number): void;
}

/** Who has more to do than belongs into one turn. */
export interface Continued {
  goOn(): void;
}

// Linux' numbers.
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 1 << 31;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2000000;

/** In one turn. What is beyond comes in the next. */
const EVENTS_MAX = 256;

/** The one behind waits for what Deno waits for. */
const IMMEDIATES_MAX = 8;

/** Where the kernel can't wake us now. */
const RETRY_MS = 10;
/** Should a Deno to come not wake us at all, then whatever is ready waits so long at most. */
const HEARTBEAT_MS = 1_000;

const NONE: readonly Continued[] = [];

/** Has `onWake` called once after each `arm`, when a descriptor is ready, and after each `call`. */
type Waker = Pick<Wake, "arm" | "call" | "isArmed" | "isCalled" | "keepAlive" | "onWake">;

export class Poll {
  readonly #epoll: number;
  readonly #wake: Waker;
  /** Three numbers each: what for, the descriptor, and which of those that had this number. */
  readonly #events = new Int32Array(3 * EVENTS_MAX);
  readonly #event = new Int32Array(3);
  readonly #isOpen: boolean[] = [];
  readonly #watchers: (Watcher | null)[] = [];
  readonly #generations: number[] = [];
  #generation = 0;
  #continued: Continued[] = [];
  #isNextTurnSet = false;
  /** One behind the other. */
  #immediates = 0;
  #users = 0;
  #heartbeat: ReturnType<typeof setInterval> | null = null;

  constructor(epoll: number, wake: Waker) {
    this.#epoll = epoll;
    this.#wake = wake;
    wake.onWake = this.#onWake;
  }

  /** Until `unwatch` or `close`. False: the kernel can't (its memory, or its bound for a user's epolls). */
  watch(descriptor: number, events: number, watcher: Watcher): boolean {
    this.#generation = (this.#generation + 1) | 0;
    this.#watchers[descriptor] = watcher;
    this.#generations[descriptor] = this.#generation;
    return this.#control(EPOLL_CTL_ADD, descriptor, events);
  }

  /** For other events. What it is ready for is told anew. */
  watchFor(descriptor: number, events: number): boolean {
    return this.#control(EPOLL_CTL_MOD, descriptor, events);
  }

  handOver(descriptor: number, watcher: Watcher): void {
    this.#watchers[descriptor] = watcher;
  }

  unwatch(descriptor: number): void {
    this.#control(EPOLL_CTL_DEL, descriptor, 0);
    this.#watchers[descriptor] = null;
  }

  #control(command: number, descriptor: number, events: number): boolean {
    const event = this.#event;
    event[0] = events;
    event[1] = descriptor;
    event[2] = this.#generations[descriptor] as number;
    return libc!.epoll_ctl(this.#epoll, command, descriptor, event) === 0;
  }

  /** In the next turn, which is soon. */
  goOnLater(who: Continued): void {
    this.#continued.push(who);
    this.#setNextTurn();
  }

  /** As long as there are users the process lives. */
  use(): void {
    if (this.#users++ > 0) return;
    this.#wake.keepAlive(true);
    this.#heartbeat = setInterval(this.#turn, HEARTBEAT_MS).unref();
  }

  unuse(): void {
    if (--this.#users > 0) return;
    this.#wake.keepAlive(false);
    clearInterval(this.#heartbeat!);
  }

  /** It is ours from here on. */
  opened(descriptor: number): void {
    this.#isOpen[descriptor] = true;
  }

  /** Watched or not: the kernel tells the epoll. */
  close(descriptor: number): void {
    this.#isOpen[descriptor] = false;
    this.#watchers[descriptor] = null;
    libc!.close(descriptor);
  }

  /** Nobody is told, and nothing can be watched any more. */
  closeAll(): void {
    for (const [descriptor, isOpen] of this.#isOpen.entries()) if (isOpen) libc!.close(descriptor);
    libc!.close(this.#epoll);
  }

  #setNextTurn(): void {
    if (this.#isNextTurnSet || this.#wake.isCalled) return;
    if (this.#immediates >= IMMEDIATES_MAX && this.#wake.call()) return;
    this.#isNextTurnSet = true;
    this.#immediates++;
    setImmediate(this.#nextTurn);
  }

  #retryLater(): void {
    this.#isNextTurnSet = true;
    setTimeout(this.#nextTurn, RETRY_MS).unref(); // users keep the process, not this
  }

  readonly #nextTurn = (): void => {
    this.#isNextTurnSet = false;
    this.#turn();
  };

  readonly #onWake = (): void => {
    this.#immediates = 0;
    this.#turn();
  };

  readonly #turn = (): void => {
    beginTurn();
    try {
      const count = libc!.epoll_wait(this.#epoll, this.#events, EVENTS_MAX, 0);
      const continued = this.#takeContinued();
      for (let at = 0; at < 3 * count; at += 3) this.#tell(at);
      for (const who of continued) this.#goOn(who);
      if (count > 0) this.#setNextTurn();
    } finally {
      const { isArmed, isCalled } = this.#wake;
      if (!(this.#isNextTurnSet || isArmed || isCalled || this.#wake.arm())) this.#retryLater();
      endTurn();
    }
  };

  #takeContinued(): readonly Continued[] {
    if (this.#continued.length === 0) return NONE;
    const continued = this.#continued;
    this.#continued = [];
    return continued;
  }

  #goOn(who: Continued): void {
    try {
      who.goOn();
    } catch (error) {
      throwLater(error);
    }
  }

  #tell(at: number): void {
    const descriptor = this.#events[at + 1] as number;
    const watcher = this.#watchers[descriptor];
    // Another may have the number by now.
    if (!watcher || this.#generations[descriptor] !== this.#events[at + 2]) return;
    try {
      watcher.onReady(this.#events[at] as number);
    } catch (error) {
      throwLater(error);
    }
  }
}

/** A mistake of ours must not keep from others what the kernel says once. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Null where there is no way to have one. */
export const poll: Poll | null = createPoll();

function createPoll(): Poll | null {
  if (libc === null) return null;
  const epoll = libc.epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return null;
  const wake = createWake(epoll);
  if (wake === null) {
    libc.close(epoll);
    return null;
  }
  const created = new Poll(epoll, wake);
  // Deno may start a program anew in the same process (`--watch`), and closes what is its own only.
  addEventListener("unload", () => created.closeAll());
  return created;
}
