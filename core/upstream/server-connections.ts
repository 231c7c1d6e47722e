/**
 * The connections to all servers together: each takes a descriptor. Once there are as many as there may be, one that
 * rests, at whatever server, is closed for each new one. Else a client that sends its requests to one server after the
 * other would fill the process with connections that only rest.
 */

import { DESCRIPTORS_RESERVED } from "../limits.ts";
import type { Runtime } from "../runtime.ts";

/** The connections of one server. */
export interface Resting {
  /** False: none of them rests. */
  makeRoom(): boolean;
}

export class ServerConnections {
  readonly #max: number;
  #count = 0;
  /** Those with a connection, in the order in which they are asked. */
  readonly #pools = new Set<Resting>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Open or being opened. */
  get count(): number {
    return this.#count;
  }

  /** `pool` is about to open one. */
  onOpening(pool: Resting): void {
    if (this.#count >= this.#max) this.#makeRoom();
    this.#count++;
    this.#pools.add(pool);
  }

  /** Once for each `onOpening`; `isLast` when `pool` has no other. */
  onClosed(pool: Resting, isLast: boolean): void {
    this.#count--;
    if (isLast) this.#pools.delete(pool);
  }

  #makeRoom(): void {
    for (const pool of this.#pools) {
      if (!pool.makeRoom()) continue;
      // The next time it is another's turn.
      if (this.#pools.delete(pool)) this.#pools.add(pool);
      return;
    }
  }
}

/** Each client connection may need one to a server; the rest of the descriptors is for everything else. */
export function affordableConnections(runtime: Pick<Runtime, "descriptorsMax">): number {
  const descriptorsMax = runtime.descriptorsMax();
  if (descriptorsMax === null) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(((descriptorsMax - DESCRIPTORS_RESERVED) * 0.8) / 2));
}
