/** What is kept of requests, as lines of JSON, the newest first. */

import type { Trace } from "../core/observe/trace.ts";
import { formatTraceJson } from "../core/observe/trace-text.ts";
import type { Proxy as RunningProxy } from "../core/proxy.ts";
import { goOnFor, type Steps } from "../core/time/steps.ts";
import { type LineWriter, QUEUE_BYTES_MAX } from "./line-writer.ts";

/** The log goes on meanwhile. */
export const TRACES_LENGTH_MAX = QUEUE_BYTES_MAX / 2;

/** How long requests wait for it in one turn of the event loop. All of it takes some 15 ms. */
const TURN_MS = 2;

export interface TracesShowerOptions {
  readonly proxy: Pick<RunningProxy, "traces">;
  /** What asks for them. */
  readonly why: string;
  readonly log: Pick<LineWriter, "write" | "flush">;
  readonly now: () => number;
  /** Resolves once those who wait for the event loop have had their turn. */
  readonly nextTurn: () => Promise<void>;
}

/**
 * Answers how to ask for them. Who asks while they are still being written is answered once more behind that: all of the
 * answers at once would be more than may wait, and push out the log.
 */
export function tracesShower({ proxy, why, log, now, nextTurn }: TracesShowerOptions): () => void {
  let isShowing = false;
  let isAsked = false;
  const show = async () => {
    isShowing = true;
    while (isAsked) {
      isAsked = false;
      const steps = linesOf(proxy.traces(), why);
      let step = goOnFor(steps, TURN_MS, now);
      while (step.done !== true) {
        await nextTurn();
        step = goOnFor(steps, TURN_MS, now);
      }
      // In one piece: nothing else of the log stands between the first line and the last.
      for (const line of step.value) log.write(line);
      await log.flush();
    }
    isShowing = false;
  };
  return () => {
    isAsked = true;
    if (!isShowing) void show();
  };
}

/** The first and the last line say what stands between them. */
function* linesOf(kept: readonly Trace[], why: string): Steps<string[]> {
  const lines: string[] = [];
  let length = 0;
  for (const trace of kept) {
    const line = formatTraceJson(trace);
    length += line.length + 1;
    if (length > TRACES_LENGTH_MAX) break;
    lines.push(line);
    yield;
  }
  const count = lines.length === kept.length ? `${kept.length}` : `the newest ${lines.length} of ${kept.length}`;
  return [`millrace: ${why}: traces kept: ${count}`, ...lines, `millrace: ${why}: end of the traces`];
}
