import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { PATIENCE_MS, pause, until, within } from "./wait.ts";

/** A program under way. It is killed when this process ends, at the latest. */
export interface Program {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** What it wrote so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Waits until it has written something that matches, on either stream. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  write(text: string | Uint8Array): void;
  endInput(): void;
  /** Nobody reads its standard output any more. */
  closeOutput(): void;
  /** Nor its standard error. */
  closeErrors(): void;
  /** Nobody reads its standard output for now. */
  holdOutput(): void;
  /** SIGTERM, and SIGKILL when that does not help soon. */
  stop(): Promise<void>;
}

export interface Exit {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) kill(child, "SIGKILL");
});

export function startProgram(argv: readonly string[], options: ProgramOptions = {}): Program {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  let stdout = "";
  let stderr = "";
  let isRunning = true;
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("latin1").on("data", (text: string) => {
    stderr += text;
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => {});
  const exited = new Promise<Exit>((resolve) => {
    const done = (exit: Exit) => {
      isRunning = false;
      running.delete(child);
      resolve(exit);
    };
    child.once("error", (error) => {
      stderr += error.message;
      done({ code: 127, signal: null });
    });
    child.once("close", (code, signal) => done({ code, signal }));
  });
  return {
    pid: child.pid ?? -1,
    exited,
    get isRunning() {
      return isRunning;
    },
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    says: (pattern, timeoutMs) =>
      until(
        () => {
          const found = pattern.exec(stdout) ?? pattern.exec(stderr);
          if (found === null && !isRunning) throw new Error(`${command} ended without ${pattern}:\n${stdout}${stderr}`);
          return found;
        },
        () => `${command}: ${pattern} in its output\n${stdout}${stderr}`,
        timeoutMs,
      ),
    signal: (name) => kill(child, name),
    write: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    closeOutput: () => void child.stdout.destroy(),
    closeErrors: () => void child.stderr.destroy(),
    holdOutput: () => void child.stdout.pause(),
    async stop() {
      if (!isRunning) return;
      kill(child, "SIGTERM");
      await Promise.race([exited, pause(1_500)]);
      if (isRunning) kill(child, "SIGKILL");
      await within(exited, `the end of ${command}`);
    },
  };
}

/** Runs a program to its end; one that takes too long is killed, and the test fails. */
export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions & { readonly input?: string | Uint8Array; readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const program = startProgram(argv, options);
  if (options.input !== undefined) program.write(options.input);
  program.endInput();
  try {
    const exit = await within(program.exited, `the end of ${argv.join(" ")}`, options.timeoutMs ?? PATIENCE_MS);
    return { ...exit, stdout: program.stdout, stderr: program.stderr };
  } catch (error) {
    program.signal("SIGKILL");
    throw new Error(`${(error as Error).message}\n${program.stdout.slice(0, 4_000)}${program.stderr.slice(0, 4_000)}`);
  }
}

/** By pid and not by `child.kill`: on Deno 2.9 that one makes every exit look like the signal's doing. */
function kill(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(child.pid, name);
  } catch {
    // It has ended by itself.
  }
}
