/** Where a try may begin: at the server that was picked, or else wherever the first place becomes free. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { PlaceSeeker, Waiting, Wish } from "../upstream/wait-queue.ts";

export interface PlaceOwner {
  /** Servers the request was sent to before. */
  readonly tried: readonly Endpoint[];
  readonly nowMs: number;
  /** How long it may wait. */
  readonly queueMs: number;
  /** `waitedMs` is null when there was no wait; `fresh` takes no connection that was used before. */
  onPlaceFound(endpoint: Endpoint, fresh: boolean, waitedMs: number | null): void;
  /** `wanted` is the server it had to be, if only that would do. */
  onNoPlaceFound(reason: Fault, wanted: Endpoint | null): void;
}

const NOBODY: readonly Endpoint[] = [];

export class PlaceSearch implements PlaceSeeker<Endpoint> {
  readonly #owner: PlaceOwner;
  readonly #group: Group;
  #waiting: Waiting<Endpoint> | null = null;
  #sinceMs = 0;

  constructor(owner: PlaceOwner, group: Group) {
    this.#owner = owner;
    this.#group = group;
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** `endpoint` was picked; when it is full, the first place anywhere will do, unless it has to be there. */
  at(endpoint: Endpoint, only: boolean): void {
    const group = this.#group;
    if (!group.mayConnect(endpoint)) {
      group.putBack(endpoint);
      this.#owner.onNoPlaceFound(fault.BREAKER_OPEN, null);
    } else if (endpoint.connections.hasPlaceFor(false)) {
      this.#owner.onPlaceFound(endpoint, false, null);
    } else {
      group.putBack(endpoint);
      const { tried } = this.#owner;
      const refused = only || tried.includes(endpoint) ? NOBODY : tried;
      this.#wait({ only: only ? endpoint : null, fresh: false, refused });
    }
  }

  /** The connection was stale; `endpoint` is asked again. */
  freshAt(endpoint: Endpoint): void {
    if (endpoint.connections.hasPlaceFor(true)) this.#owner.onPlaceFound(endpoint, true, null);
    else this.#wait({ only: endpoint, fresh: true, refused: NOBODY });
  }

  stop(): void {
    if (this.#waiting !== null) this.#group.queue.leave(this.#waiting);
    this.#waiting = null;
  }

  #wait(wish: Wish<Endpoint>): void {
    // Whoever had a connection there will have its place.
    if (!wish.fresh && !this.#group.mayWait()) {
      this.#owner.onNoPlaceFound(fault.QUEUE_FULL, null);
      return;
    }
    this.#sinceMs = this.#owner.nowMs;
    this.#waiting = this.#group.queue.join(this, wish, this.#owner.queueMs);
    // A balancer may know of reasons to wait for one server; the queue does not.
    this.#group.serveWaiting();
  }

  onPlace(endpoint: Endpoint): void {
    const { fresh } = this.#waiting!.wish;
    this.#waiting = null;
    if (!fresh) this.#group.onPlaceTaken(endpoint);
    this.#owner.onPlaceFound(endpoint, fresh, this.#owner.nowMs - this.#sinceMs);
  }

  onNoPlace(reason: Fault): void {
    const { only } = this.#waiting!.wish;
    this.#waiting = null;
    this.#owner.onNoPlaceFound(reason, only);
  }
}
