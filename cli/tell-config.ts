/** In the thread that reads a configuration: says to the one that started it what came of it. */

import { once } from "node:events";
import { parentPort } from "node:worker_threads";
import { type FailedConfig, type LoadedConfig, loadConfig } from "./load-config.ts";
import { readerTask } from "./one-file.ts";
import { readEnvironment } from "./read-environment.ts";
import { hasCode, type Piece, type Pieces, takeApart } from "./value-pieces.ts";
import { announceRuns } from "./while-code-runs.ts";

export interface ToldConfig extends Pieces {
  /** There are functions in it: it cannot be sent. */
  readonly hasCode: boolean;
  readonly loaded: FailedConfig | Omit<LoadedConfig, "config" | "value" | "scripts">;
}

export type Problem = { readonly problem: string };
export type Told = { readonly piece: Piece } | { readonly runs: string | null } | Omit<ToldConfig, "pieces"> | Problem;

export async function tellConfig(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error("a configuration is told to the thread that asked for it; this is no such thread");
  const tell = (told: Told) => port.postMessage(told);
  announceRuns((file) => tell({ runs: file }));
  const read = await loadConfig(readerTask().file, readEnvironment);
  if ("problems" in read) return tell({ loaded: read, rest: null, hasCode: false });
  // What was compiled cannot be sent; it is compiled again from what was read.
  const { config: _config, scripts: _scripts, value, ...loaded } = read;
  const { rest, pieces } = hasCode(value) ? { rest: null, pieces: [] } : takeApart(value);
  for (const piece of pieces) {
    tell({ piece });
    await once(port, "message");
  }
  tell({ loaded, rest, hasCode: hasCode(value) });
}
