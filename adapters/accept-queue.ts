/**
 * Closing a listening socket resets whatever waits in its queue: connections whose clients have sent their request
 * already. So before it closes, the event loop turns until a turn brings none. What comes between that and the close is
 * lost; no runtime offers more (Linux could move the queue to another listener of the port).
 */

/** More than any queue is long, should each turn bring only one, as on Node 24. */
const TURNS_MAX = 1024;

/** `accepted` counts the connections so far; a `turn` must look at the socket at least once. */
export async function emptyQueue(accepted: () => number, turn: () => Promise<void>): Promise<void> {
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    const before = accepted();
    await turn();
    if (accepted() === before) return;
  }
}
