/**
 * Requests that wait for a place at the servers of a group, all of which have as many connections as they may. First
 * come, first served, by whichever server has a place; whoever needs one server is not passed over there.
 */

import type { Fault } from "../fault.ts";
import { NO_SERVER, QUEUE_TIMEOUT } from "../fault.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";

/** Exactly one of the two is called, unless the seeker leaves before. */
export interface PlaceSeeker<Server> {
  /** There is a place at `server`, to be taken within this call. */
  onPlace(server: Server): void;
  onNoPlace(reason: Fault): void;
}

/** What a seeker takes. */
export interface PlaceWanted<Server> {
  /** The only server that will do; null for any. */
  readonly only: Server | null;
  /** No connection that was used before will do. */
  readonly fresh: boolean;
  /** Servers that have failed it: only others will do. */
  readonly refused: readonly Server[];
}

/** A server, as far as the queue deals with it. */
export interface PlaceGiver {
  hasPlaceFor(fresh: boolean): boolean;
  /** An idle connection goes, for the sake of a new one; its place is free when it is closed. */
  makeRoom(): void;
}

export class WaitQueue<Server> {
  readonly #timers: Timers;
  /** In the order they came. */
  readonly #waiting = new Set<Waiting<Server>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Waits for `delayMs` at most. */
  join(seeker: PlaceSeeker<Server>, wanted: PlaceWanted<Server>, delayMs: number): Waiting<Server> {
    const waiting = new Waiting(seeker, wanted, (late) => {
      this.#waiting.delete(late);
      seeker.onNoPlace(QUEUE_TIMEOUT);
    });
    this.#waiting.add(waiting);
    this.#timers.set(waiting.timer, delayMs);
    return waiting;
  }

  leave(waiting: Waiting<Server>): void {
    this.#waiting.delete(waiting);
    this.#timers.remove(waiting.timer);
  }

  /**
   * `server` may have places: they go to whoever waits longest and would take them; not `isForAll`, to those only who
   * were there before. It is asked for each, as a request that has got a place may be the last one.
   */
  serve(server: Server, places: PlaceGiver, isForAll: () => boolean): void {
    for (const waiting of this.#waiting) {
      const { only, fresh, refused } = waiting.wanted;
      if (only !== null ? only !== server : refused.includes(server) || !isForAll()) continue;
      if (!places.hasPlaceFor(fresh)) {
        // Those behind would take what there is, and this one would wait for ever.
        if (fresh) places.makeRoom();
        return;
      }
      this.leave(waiting);
      waiting.seeker.onPlace(server);
    }
  }

  /** Whoever would take a place at none of `servers`, nor at the one it came from, waits for nothing. */
  dismiss(servers: readonly Server[], keeps: (only: Server) => boolean): void {
    for (const waiting of [...this.#waiting]) {
      const { only, refused } = waiting.wanted;
      if (only !== null ? keeps(only) : servers.some((server) => !refused.includes(server))) continue;
      this.leave(waiting);
      waiting.seeker.onNoPlace(NO_SERVER);
    }
  }
}

/** One request in the queue, with its deadline. */
export class Waiting<Server> implements TimerOwner {
  readonly seeker: PlaceSeeker<Server>;
  readonly wanted: PlaceWanted<Server>;
  readonly timer = new Timer(this);
  readonly #late: (waiting: Waiting<Server>) => void;

  constructor(seeker: PlaceSeeker<Server>, wanted: PlaceWanted<Server>, late: (waiting: Waiting<Server>) => void) {
    this.seeker = seeker;
    this.wanted = wanted;
    this.#late = late;
  }

  onTimer(): void {
    this.#late(this);
  }
}
