/** Where a try may begin: at the server that was picked, or else wherever the first place becomes free. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { PickRequest } from "../upstream/pick-request.ts";
import type { PlaceSeeker, PlaceWanted, Waiting } from "../upstream/wait-queue.ts";

const NOBODY: readonly Endpoint[] = [];

/** What the tries of an exchange are built on: an object of its own would cost each request one more. */
export abstract class PlaceSearch implements PlaceSeeker<Endpoint> {
  protected readonly group: Group;
  /** Servers the request was sent to before. */
  tried: readonly Endpoint[] = NOBODY;
  /** Whether one of those will do where the others have no place. */
  protected abstract readonly mayRepeat: boolean;
  protected abstract readonly nowMs: number;
  /** How long it may wait. */
  protected abstract readonly queueMs: number;
  #waiting: Waiting<Endpoint> | null = null;
  #sinceMs = 0;

  constructor(group: Group) {
    this.group = group;
  }

  /** `waitedMs` is null when there was no wait; `fresh` takes no connection that was used before. */
  protected abstract onPlaceFound(endpoint: Endpoint, fresh: boolean, waitedMs: number | null): void;
  /** `only` is the server it had to be; null: any other would have done, too. */
  protected abstract onNoPlaceFound(reason: Fault, only: Endpoint | null): void;

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** `endpoint` was picked; when it is full, the first place anywhere will do, unless it has to be there. */
  placeAt(endpoint: Endpoint, only: boolean): void {
    const { group } = this;
    if (!group.mayConnect(endpoint)) {
      group.putBack(endpoint);
      this.onNoPlaceFound(fault.BREAKER_OPEN, null);
    } else if (endpoint.connections.hasPlaceFor(false)) {
      this.onPlaceFound(endpoint, false, null);
    } else {
      group.putBack(endpoint);
      const { tried } = this;
      const refused = only || this.mayRepeat || tried.includes(endpoint) ? NOBODY : tried;
      this.#wait({ only: only ? endpoint : null, fresh: false, refused });
    }
  }

  /** The connection was stale; `endpoint` is asked again. */
  freshPlaceAt(endpoint: Endpoint): void {
    if (endpoint.connections.hasPlaceFor(true)) this.onPlaceFound(endpoint, true, null);
    else this.#wait({ only: endpoint, fresh: true, refused: NOBODY });
  }

  /** Picked among the servers that this request was not sent to yet. */
  protected other(request: PickRequest, endpoint: Endpoint): Endpoint | null {
    this.exclude(endpoint);
    const picked = this.group.pick(request);
    if (picked === null || !this.tried.includes(picked)) return picked;
    this.group.putBack(picked);
    return null;
  }

  protected exclude(endpoint: Endpoint): void {
    if (!this.tried.includes(endpoint)) this.tried = [...this.tried, endpoint];
  }

  stopWaiting(): void {
    if (this.#waiting !== null) this.group.queue.leave(this.#waiting);
    this.#waiting = null;
  }

  #wait(wanted: PlaceWanted<Endpoint>): void {
    // Whoever had a connection there will have its place.
    if (!wanted.fresh && !this.group.mayWait()) {
      this.onNoPlaceFound(fault.QUEUE_FULL, null);
      return;
    }
    this.#sinceMs = this.nowMs;
    this.#waiting = this.group.queue.join(this, wanted, this.queueMs);
    // A balancer may know of reasons to wait for one server; the queue does not.
    this.group.serveWaiting();
  }

  onPlace(endpoint: Endpoint): void {
    const { fresh } = this.#waiting!.wanted;
    this.#waiting = null;
    if (!fresh) this.group.onPlaceTaken(endpoint);
    this.onPlaceFound(endpoint, fresh, this.nowMs - this.#sinceMs);
  }

  onNoPlace(reason: Fault): void {
    const { only } = this.#waiting!.wanted;
    this.#waiting = null;
    this.onNoPlaceFound(reason, only);
  }
}
