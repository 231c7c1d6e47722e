/** What is kept of requests, as lines of JSON, the newest first. */

import { formatTraceJson } from "../core/observe/trace-text.ts";
import type { Proxy as RunningProxy } from "../core/proxy.ts";
import type { LineWriter } from "./line-writer.ts";

/** Half of what may wait to be written (`line-writer.ts`): the log goes on meanwhile. */
export const TRACES_LENGTH_MAX = 2 * 1024 * 1024;

/** `why` is what asked for it. The first and the last line say what stands between them. */
export function showTraces(proxy: Pick<RunningProxy, "traces">, why: string, write: (line: string) => void): void {
  const kept = proxy.traces();
  const lines: string[] = [];
  let length = 0;
  for (const trace of kept) {
    const line = formatTraceJson(trace);
    length += line.length + 1;
    if (length > TRACES_LENGTH_MAX) break;
    lines.push(line);
  }
  const count = lines.length === kept.length ? `${kept.length}` : `the newest ${lines.length} of ${kept.length}`;
  write(`millrace: ${why}: traces kept: ${count}`);
  for (const line of lines) write(line);
  write(`millrace: ${why}: end of the traces`);
}

/**
 * Answers how to ask for them. Who asks while they are still being written is answered once more behind that: all of the
 * answers at once would be more than may wait, and push out the log.
 */
export function tracesShower(
  proxy: Pick<RunningProxy, "traces">,
  why: string,
  log: Pick<LineWriter, "write" | "flush">,
): () => void {
  let isShowing = false;
  let isAsked = false;
  const show = async () => {
    isShowing = true;
    while (isAsked) {
      isAsked = false;
      showTraces(proxy, why, (line) => log.write(line));
      await log.flush();
    }
    isShowing = false;
  };
  return () => {
    isAsked = true;
    if (!isShowing) void show();
  };
}
