// Plays random schedules in a thread: node:test follows every promise of its own thread, and a schedule has thousands.

import { parentPort } from "node:worker_threads";
import { playMany } from "./random.ts";

/** Null: all of them kept the invariant. */
export type Answer = { readonly problem: string | null };

export interface Seeds {
  readonly from: number;
  readonly runs: number;
}

parentPort?.on("message", ({ from, runs }: Seeds) => {
  const answer = (problem: string | null) => parentPort?.postMessage({ problem } satisfies Answer);
  playMany(from, runs).then(
    () => answer(null),
    (error: Error) => answer(error.message),
  );
});
