/**
 * While code of a configuration runs it may do what would end this process or leave it waiting for ever, without a word:
 * call `process.exit`, throw where nobody waits, or wait for what does not come.
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { errorText } from "../core/script/error-text.ts";
import { EXIT_CONFIG } from "./exit-codes.ts";
import { shownName } from "./shown-name.ts";
import type { Sources } from "./sources.ts";

/** A program that takes longer than this hangs. */
export const RUN_MS = 30_000;

/** What the code did beside throwing. */
export class CodeTrouble extends Error {
  override readonly name = "CodeTrouble";
}

export interface CodeRun {
  /** Of the program, absolute. */
  readonly file: string;
  readonly sources: Sources;
  readonly timeoutMs?: number;
}

/** In a thread: told what code is about to run, and with null that it has ended, for whoever looks on from outside. */
let announce: (file: string | null) => void = () => {};
export function announceRuns(to: (file: string | null) => void): void {
  announce = to;
}

/** What is said of a file whose code did. */
export const ENDED = "could not be run: it ended the process; a configuration must not do that";

/** Answers and throws what `work` does, or throws a `CodeTrouble`. */
export async function whileCodeRuns<T>(run: CodeRun, work: () => Promise<T> | T): Promise<T> {
  const { file, sources, timeoutMs = RUN_MS } = run;
  let fail: (trouble: CodeTrouble) => void = () => {};
  const trouble = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // It also keeps a process alive that has nothing else to do than to wait for a promise.
  const timer = setTimeout(() => {
    fail(new CodeTrouble(`it has not ended after ${timeoutMs / 1_000}s: it waits for what does not come`));
  }, timeoutMs);
  const onExit = (): void => {
    writeSync(2, `${shownName(file)}: ${ENDED}\n`);
    process.exitCode = EXIT_CONFIG;
  };
  const onUncaught = (error: unknown): void => {
    fail(new CodeTrouble(`an error nobody waits for: ${errorText(error)}${sources.atPlace(error)}`));
  };
  // Where requests are served the log is told.
  const isAlone = process.listenerCount("uncaughtException") === 0;
  if (isMainThread) process.on("exit", onExit);
  else announce(file);
  if (isAlone) process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught);
  try {
    return await Promise.race([toItsEnd(work), trouble]);
  } finally {
    clearTimeout(timer);
    process.off("exit", onExit);
    if (!isMainThread) announce(null);
    if (isAlone) process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught);
  }
}

/** A promise that it left to fail is told of in the turn in which it ends. */
async function toItsEnd<T>(work: () => Promise<T> | T): Promise<T> {
  const done = await work();
  await setImmediate();
  return done;
}
