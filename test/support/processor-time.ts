/** How long work takes by the time the processor gave this process: on a busy machine a clock on the wall says nothing. */
import process from "node:process";

/** Milliseconds that `work` took, garbage collection and compilers beside it included. */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
