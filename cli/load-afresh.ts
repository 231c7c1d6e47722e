/**
 * Reads a configuration once more. In a thread of its own where that pays: a program may hang, or end its thread, and a
 * large file takes longer to read than the requests under way should wait. A program that holds functions runs again here.
 */

import {
  type CompiledConfig,
  type CompileOptions,
  compilingConfig,
  type RefusedConfig,
} from "../core/config/compile.ts";
import type { Environment } from "../core/config/environment.ts";
import { SLICE_MS } from "../core/limits.ts";
import { errorText } from "../core/script/error-text.ts";
import { goOnFor, type Steps } from "../core/time/steps.ts";
import { fileVersions } from "./file-version.ts";
import { type FailedConfig, type LoadedConfig, loadConfig, type Origins } from "./load-config.ts";
import { startReader } from "./one-file.ts";
import { programs } from "./programs.ts";
import { loadScripts } from "./script-entries.ts";
import { shownName } from "./shown-name.ts";
import { areDescriptorsLeft, READ_DESCRIPTORS } from "./spare-descriptors.ts";
import type { Problem, Told, ToldConfig } from "./tell-config.ts";
import { type Piece, putTogether } from "./value-pieces.ts";
import { ENDED, RUN_MS } from "./while-code-runs.ts";

/** Longer than the program in it may take, which is told better there. */
const READ_MS = RUN_MS + 5_000;

/**
 * Code that has run for so long may be given up for a later reload, which is not to wait for what hangs; twice as long each
 * time in a row, or code that takes longer than the next one is away would never be taken.
 */
const GIVEN_UP_AFTER_MS = 1_000;

export interface Superseding {
  /** Aborts when a later reload is asked for: code that does not come to an end is given up. */
  readonly signal: AbortSignal;
  /** How many before this one were given up, in a row. */
  readonly givenUp: number;
}

/** `before` is where it came from the last time. */
export async function loadAfresh(
  file: string,
  environment: Environment,
  before: Origins,
  superseding: Superseding,
): Promise<LoadedConfig | FailedConfig> {
  if (!before.isHeavy) {
    const loaded = await loadConfig(file, environment, { isQuick: true });
    if (!loaded.origins.isHeavy) return loaded;
  }
  const files = await fileVersions(before.files.keys());
  const read = await readElsewhere(file, superseding);
  if ("problem" in read) {
    const { problem, culprit, isGivenUp } = read;
    const inCode = culprit === undefined ? null : { file: shownName(culprit), message: problem };
    const problems = [{ position: null, path: "", ...(inCode ?? { file, message: `could not be read: ${problem}` }) }];
    const origins = { ...before, files, isHeavy: true };
    return { problems, warnings: [], origins, ...(isGivenUp && { isGivenUp }) };
  }
  const { loaded } = read;
  if ("problems" in loaded) return loaded;
  // Functions cannot come from the thread; it has shown that their program ends, and that all is right.
  if (read.hasCode) return loadConfig(file, environment, { compile: compileInSlices });
  const value = putTogether(read);
  const scripts = await loadScripts(value, programs);
  if (scripts.problems.length > 0) {
    const problems = scripts.problems.map(({ message }) => ({ file, position: null, path: "", message }));
    return { problems, warnings: [], origins: loaded.origins };
  }
  const config = await compileInSlices(scripts.value, { sourceOf: (code) => programs.sources.sourceOf(code) });
  if ("problems" in config) throw new Error("a configuration that was right is wrong when it is compiled again");
  return { ...loaded, value, config, scripts: scripts.scripts };
}

function compileInSlices(value: unknown, options: CompileOptions): Promise<CompiledConfig | RefusedConfig> {
  return inSlices(compilingConfig(value, options));
}

/** Requests come in between: half of the time is theirs. */
async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = goOnFor(steps, SLICE_MS, () => performance.now());
    if (step.done === true) return step.value;
    await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
  }
}

/** `culprit` is the file with the code that it was. */
type ProblemElsewhere = Problem & { readonly culprit?: string; readonly isGivenUp?: true };

async function readElsewhere(file: string, { signal, givenUp }: Superseding): Promise<ToldConfig | ProblemElsewhere> {
  if (!areDescriptorsLeft(READ_DESCRIPTORS)) return { problem: "too few descriptors are left" };
  const worker = startReader(file);
  const patienceMs = GIVEN_UP_AFTER_MS * 2 ** givenUp;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let givingUp: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<ToldConfig | ProblemElsewhere>((resolve) => {
      const pieces: Piece[] = [];
      /** What it leaves behind can still end the thread. */
      let lastRun: string | null = null;
      let runsSinceMs: number | null = null;
      const giveUp = (): void => {
        clearTimeout(givingUp);
        if (lastRun === null || runsSinceMs === null || !signal.aborted) return;
        const ranMs = performance.now() - runsSinceMs;
        const problem = `given up after ${Math.round(ranMs / 1_000)}s for a later reload`;
        if (ranMs < patienceMs) givingUp = setTimeout(giveUp, patienceMs - ranMs);
        else resolve({ problem, culprit: lastRun, isGivenUp: true });
      };
      signal.addEventListener("abort", giveUp);
      worker.on("message", (told: Told) => {
        if ("runs" in told) {
          lastRun = told.runs ?? lastRun;
          runsSinceMs = told.runs === null ? null : performance.now();
          giveUp();
          return;
        }
        if (!("piece" in told)) return resolve("loaded" in told ? { ...told, pieces } : told);
        pieces.push(told.piece);
        // The next one, after whatever else waits.
        setTimeout(() => worker.postMessage(null), 0);
      });
      worker.once("error", (error: unknown) => resolve({ problem: errorText(error) }));
      worker.once("exit", () =>
        resolve(lastRun === null ? { problem: "its thread has ended" } : { problem: ENDED, culprit: lastRun }),
      );
      timer = setTimeout(() => resolve({ problem: `it took longer than ${READ_MS / 1_000}s` }), READ_MS);
    });
  } finally {
    clearTimeout(timer);
    clearTimeout(givingUp);
    await worker.terminate();
  }
}
