/**
 * The connections of one server that rest, the one used last on top:
 *
 *     top ──► used last ⇄ used before ⇄ … ⇄ used longest ago ◄── bottom
 *
 * A list through themselves, because an array for each of thousands of servers is two more lines of memory that are in no
 * cache. `Connections` is built on it; an object of its own would be one more.
 */

/** Who can be in such a list. Its links are the list's. */
export interface Listed<C> {
  above: C | null;
  below: C | null;
}

export abstract class IdleConnections<C extends Listed<C>> {
  #top: C | null = null;
  #bottom: C | null = null;
  #count = 0;

  get idleCount(): number {
    return this.#count;
  }

  /** The one used last. */
  protected get top(): C | null {
    return this.#top;
  }

  /** The one used longest ago. */
  protected get bottom(): C | null {
    return this.#bottom;
  }

  protected push(connection: C): void {
    const top = this.#top;
    connection.below = top;
    if (top === null) this.#bottom = connection;
    else top.above = connection;
    this.#top = connection;
    this.#count++;
  }

  /** Does nothing for one that is not in the list. */
  protected takeOut(connection: C): void {
    const { above, below } = connection;
    if (above === null && this.#top !== connection) return;
    if (above === null) this.#top = below;
    else above.below = below;
    if (below === null) this.#bottom = above;
    else below.above = above;
    connection.above = null;
    connection.below = null;
    this.#count--;
  }

  /** Those of now, the one used longest ago first. */
  protected idle(): C[] {
    const idle: C[] = [];
    for (let each = this.#bottom; each !== null; each = each.above) idle.push(each);
    return idle;
  }
}
