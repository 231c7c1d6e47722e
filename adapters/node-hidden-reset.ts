/**
 * A reset that arrives together with bytes, between two polls, is told as an end by Node 20: its libuv reads the bytes
 * and takes the hang-up behind them for FIN (fixed in what Node 24 brings). A client that is gone would seem to have
 * closed only its half, and a response cut by a reset would seem complete. An empty write asks the kernel, which still
 * has the error, and sends nothing.
 */
import type { Socket as NetSocket } from "node:net";

const MAY_HIDE = Number.parseInt(process.versions.node, 10) < 24;
const NOTHING = new Uint8Array(0);

/** Calls `ended` if it was an end; a reset is told by the `error` and `close` of a TCP socket, as always. */
export function unlessReset(raw: NetSocket, ended: () => void): void {
  // What is queued will find out by itself.
  const canAsk = MAY_HIDE && raw.writable && raw.writableLength === 0;
  if (!canAsk) ended();
  else
    raw.write(NOTHING, (error) => {
      if (!error) ended();
    });
}
