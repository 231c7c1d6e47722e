/** Where a process spends time as the kernel sees it, by Linux' perf on its software clock: system calls, binaries, JIT. */

import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { type Child, startChild } from "./child.ts";

const SAMPLES_PER_SECOND = 4999;

/** Null when it works, else why not. */
export function perfMissing(): string | null {
  const { status, error, stderr } = spawnSync("perf", ["record", "-e", "cpu-clock", "-o", "/dev/null", "true"], {
    encoding: "utf8",
  });
  if (error !== undefined) return "perf is not installed: the package is linux-perf";
  return status === 0 ? null : `perf may not record here: ${stderr.trim().split("\n")[0]}`;
}

export function startPerf(pid: number, file: string): Child {
  const options = ["-e", "cpu-clock", "-F", String(SAMPLES_PER_SECOND), "-g", "-o", file, "-p", String(pid)];
  return startChild({ name: "perf", command: ["perf", "record", ...options], core: null });
}

/** Samples by area, of all threads. */
export function perfAreas(file: string): ReadonlyMap<string, number> {
  const { stdout, stderr } = spawnSync("perf", ["script", "-i", file, "-F", "comm,ip,sym,dso"], {
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  const areas = new Map<string, number>();
  for (const sample of stdout.split("\n\n")) {
    const [, ...stack] = sample.trim().split("\n");
    if (stack.length === 0) continue;
    const area = perfArea(stack);
    areas.set(area, (areas.get(area) ?? 0) + 1);
  }
  if (areas.size === 0) throw new Error(`perf saw nothing: ${stderr.trim().split("\n").at(-1)}`);
  return areas;
}

function perfArea(stack: readonly string[]): string {
  const where = /\(([^()]*(?:\([^()]*\))?[^()]*)\)\s*$/.exec(stack[0] as string)?.[1] ?? "";
  if (where.startsWith("[kernel") || where.startsWith("[guest")) {
    // `__x64_sys_sendto`, or where the compiler has put that into its caller, `ksys_write`, `do_writev`.
    const calls = stack.map((line) => / (?:__\w+?_sys|ksys|do)_(\w+)/.exec(line)?.[1]);
    const outermost = stack.findIndex((line) => / (?:do_syscall_64|invoke_syscall)/.test(line)) - 1;
    return `kernel: ${calls[outermost] ?? "interrupts and faults"}`;
  }
  // Where perf looks for a map of symbols, on every machine and whatever TMPDIR says: code that was made while running.
  if (where.startsWith("/tmp/perf-") || where.startsWith("//anon") || where === "[unknown]")
    return "compiled JavaScript";
  if (where === "[vdso]" || where.includes("/libc")) return "C library";
  return `binary of the runtime (${basename(where)})`;
}
