import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Runtime } from "../../../core/runtime.ts";

export interface Child {
  readonly pid: number;
  /** What it said first: it is ready. */
  readonly firstLine: string;
  readonly exited: Promise<number | null>;
  output(): string;
}

const SCRIPT = fileURLToPath(new URL("child.ts", import.meta.url));

/** A process of the same runtime that runs `child.ts`, optionally with few descriptors. */
export async function spawnChild(runtime: Runtime, args: readonly string[], descriptorsMax = 1024): Promise<Child> {
  const run = runtime.name === "node" ? ["--import", "tsx"] : runtime.name === "deno" ? ["run", "-A"] : [];
  const command = [process.execPath, ...run, SCRIPT, ...args];
  const child = spawn("sh", ["-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let ready: (line: string) => void = () => {};
  const firstLine = new Promise<string>((resolve) => {
    ready = resolve;
  });
  child.stdout.on("data", (bytes: Uint8Array) => {
    text += new TextDecoder().decode(bytes);
    const newline = text.indexOf("\n");
    if (newline >= 0) ready(text.slice(0, newline));
  });
  child.stderr.on("data", (bytes: Uint8Array) => {
    text += new TextDecoder().decode(bytes);
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  const line = await Promise.race([firstLine, exited.then(() => null)]);
  if (line === null || child.pid === undefined)
    throw new Error(`child ${args.join(" ")} ended before it was ready: ${text}`);
  return { pid: child.pid, firstLine: line, exited, output: () => text };
}
