import { existsSync, readFileSync } from "node:fs";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

export interface CurlAnswer {
  /** curl's exit code. */
  readonly code: number | null;
  readonly status: number;
  /** The heads of all responses, interim ones and redirects included, as received. */
  readonly head: string;
  /** One character per byte. */
  readonly body: string;
  readonly stderr: string;
  /** Connections curl opened. */
  readonly connects: number;
}

/** Runs curl; what `-i` and `-w` would mix into the body is taken apart. */
export async function curl(args: readonly string[], input?: string | Uint8Array): Promise<CurlAnswer> {
  // No /dev/stderr here: a runtime's pipe may be a socket, which has no name to open.
  const scratch = createScratch();
  const heads = scratch.path("heads");
  const note = "%{stderr}[[%{http_code} %{num_connects}]]";
  const argv = ["curl", "-q", "--silent", "--show-error", "--max-time", "8", "--noproxy", "*", "-D", heads, "-w", note];
  const { code, stdout, stderr } = await runProgram([...argv, ...args], input === undefined ? {} : { input });
  const notes = [...stderr.matchAll(/\[\[(\d+) (\d+)\]\]/g)];
  const head = existsSync(heads) ? readFileSync(heads, "latin1") : "";
  scratch.remove();
  return {
    code,
    status: Number(notes.at(-1)?.[1] ?? 0),
    head,
    body: stdout,
    stderr,
    connects: notes.reduce((sum, each) => sum + Number(each[2]), 0),
  };
}

/** The value of a field of the last head; null when it is not there. */
export function fieldOf(head: string, name: string): string | null {
  const last = head.slice(Math.max(0, head.lastIndexOf("HTTP/1.")));
  return new RegExp(`^${name}: (.*)\\r$`, "im").exec(last)?.[1] ?? null;
}
