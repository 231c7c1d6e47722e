import type { Runtime } from "../core/runtime.ts";

/** The adapter of the runtime this process is. Deno and Bun also answer to `process`, so they are asked for first. */
export async function loadRuntime(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).runtime;
  if ("Bun" in globalThis) return (await import("./bun.ts")).runtime;
  return (await import("./node.ts")).runtime;
}
