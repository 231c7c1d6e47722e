/** What a process and its children have used, from /proc: user and system time, and resident memory. */

import { readFileSync, writeFileSync } from "node:fs";

/** USER_HZ: the unit of times in /proc/PID/stat on every Linux architecture we know (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** The process and all below it, parents first; empty when it is gone. */
export function processTree(pid: number): readonly number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`);
  if (text === null) return [];
  return [
    pid,
    ...text
      .split(" ")
      .filter(Boolean)
      .flatMap((child) => processTree(Number(child))),
  ];
}

export interface CpuTimes {
  readonly userUs: number;
  readonly systemUs: number;
}

/** User and system time of all threads, those that ended included, in microseconds. */
export function cpuUs(pid: number): number {
  const { userUs, systemUs } = cpuTimes(pid);
  return userUs + systemUs;
}

/** In steps of 10 ms. */
export function cpuTimes(pid: number): CpuTimes {
  let [user, system] = [0, 0];
  for (const one of processTree(pid)) {
    // The name in parentheses may hold spaces: count the fields behind it, of which utime is the 12th.
    const fields = (read(`/proc/${one}/stat`) ?? "").split(") ").at(-1)?.split(" ") ?? [];
    user += Number(fields[11] ?? 0);
    system += Number(fields[12] ?? 0);
  }
  return { userUs: (user * 1e6) / TICKS_PER_SECOND, systemUs: (system * 1e6) / TICKS_PER_SECOND };
}

export function residentKiB(pid: number): number {
  return sumOfStatus(pid, "VmRSS");
}

/** The most since the start, or since `forgetPeak`. */
export function peakResidentKiB(pid: number): number {
  return sumOfStatus(pid, "VmHWM");
}

/** Needs to be the same user; where the kernel says no, the peak stays that of the whole life. */
export function forgetPeak(pid: number): void {
  for (const one of processTree(pid)) {
    try {
      writeFileSync(`/proc/${one}/clear_refs`, "5");
    } catch {
      return;
    }
  }
}

function sumOfStatus(pid: number, name: string): number {
  let kib = 0;
  for (const one of processTree(pid)) {
    const value = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(read(`/proc/${one}/status`) ?? "")?.[1];
    kib += Number(value ?? 0);
  }
  return kib;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}
