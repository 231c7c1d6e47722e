/** A process the bench started: found again by its pid only, and stopped by it, whatever happens to the bench. */

import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { processTree } from "./process-usage.ts";

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Core to stay on; null where there is nothing to choose. */
  readonly core: number | null;
  readonly directory?: string;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** The last lines it wrote, to be shown when it fails. */
  readonly lastWords: string;
  /** All it wrote to standard output; for commands that end by themselves. */
  readonly output: Promise<string>;
  stop(): Promise<void>;
}

const LAST_WORDS_CHARS = 2000;
const STOP_MS = 3000;

const running = new Set<StartedChild>();

export function startChild({ name, command, core, directory }: ChildOptions): Child {
  const [file, ...args] = core === null ? command : ["taskset", "-c", String(core), ...command];
  const child = new StartedChild(
    name,
    spawn(file as string, args, { stdio: ["ignore", "pipe", "pipe"], ...(directory && { cwd: directory }) }),
  );
  running.add(child);
  return child;
}

export async function stopChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}

/** Ctrl-C and a plain kill stop everything first; an exit that nobody foresaw still leaves no process behind. */
export function stopChildrenWithUs(cleanUp: () => void): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      console.error(`\n${signal}: stopping what was started`);
      void stopChildren().finally(() => process.exit(130));
    });
  }
  process.once("exit", () => {
    for (const child of running) child.kill();
    cleanUp();
  });
}

class StartedChild implements Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly output: Promise<string>;
  isRunning = true;
  lastWords = "";

  constructor(name: string, process: ChildProcess) {
    this.name = name;
    this.#process = process;
    const output: string[] = [];
    process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < 1000) output.push(text);
      this.#remember(text);
    });
    process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#remember(text));
    this.#ended = new Promise((resolve) => {
      const over = (why: string) => {
        if (!this.isRunning) return;
        this.isRunning = false;
        running.delete(this);
        this.#remember(why);
        resolve();
      };
      process.once("error", (error) => over(error.message));
      process.once("close", (code, signal) => over(code === 0 ? "" : `ended with ${signal ?? `exit code ${code}`}`));
    });
    this.output = this.#ended.then(() => output.join(""));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    // The workers of a master that does not obey have to be known before it is gone.
    const tree = processTree(this.pid);
    this.#signal(this.pid, "SIGTERM");
    const deadline = delay(STOP_MS, false, { ref: false });
    if ((await Promise.race([this.#ended.then(() => true), deadline])) || !this.isRunning) return;
    for (const pid of tree) this.#signal(pid, "SIGKILL");
    await this.#ended;
  }

  kill(): void {
    for (const pid of processTree(this.pid)) this.#signal(pid, "SIGKILL");
  }

  #signal(pid: number, signal: NodeJS.Signals): void {
    try {
      if (pid > 0) process.kill(pid, signal);
    } catch {
      // Gone already.
    }
  }

  #remember(text: string): void {
    this.lastWords = (this.lastWords + text).slice(-LAST_WORDS_CHARS);
  }
}
