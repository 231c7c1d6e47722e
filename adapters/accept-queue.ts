/**
 * Closing a listening socket resets whatever waits in its queue: connections whose clients have sent their request
 * already. So before it closes, the event loop turns until a turn brings none. What comes between that and the close is
 * lost; no runtime offers more (Linux could move the queue to another listener of the port).
 */

/**
 * Long enough for a full queue where each turn brings only a few, as on Node 24; and an end, because under load new ones
 * come all the time: clients that were told to close connect again.
 */
const EMPTYING_MS_MAX = 200;

/** `accepted` counts the connections so far; a `turn` must look at the socket at least once. */
export async function emptyQueue(accepted: () => number, turn: () => Promise<void>): Promise<void> {
  const endsAt = performance.now() + EMPTYING_MS_MAX;
  for (let before = -1; before !== accepted() && performance.now() < endsAt; ) {
    before = accepted();
    await turn();
  }
}
