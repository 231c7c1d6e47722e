// The command line in this very process: what a test of words and exit codes needs no program for.

import { loadRuntime } from "../../adapters/mod.ts";
import { runCommandLine } from "../../cli/args.ts";
import { check } from "../../cli/check.ts";
import { explain } from "../../cli/explain.ts";
import { proxy } from "../../cli/proxy.ts";

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Rejects where a program would end with 70. */
export async function millraceHere(args: readonly string[]): Promise<Said> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const writerOf = (lines: string[]) => ({
    write: (line: string) => void lines.push(`${line}\n`),
    flush: () => Promise.resolve(),
  });
  const started = () => Promise.reject(new Error("nothing is started here: use a program"));
  const outputs = { out: writerOf(stdout), err: writerOf(stderr) };
  const commands = { check, explain, proxy, run: started, demo: started };
  const code = await runCommandLine(args, await loadRuntime(), commands, outputs);
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}
