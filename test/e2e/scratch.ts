import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** A temporary folder that is gone at the end of the process, at the latest. */
export interface Scratch {
  readonly folder: string;
  path(name: string): string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

const folders = new Set<string>();
const removeAll = () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};
process.once("exit", removeAll);
// Deno's test runner ends without it.
if ("Deno" in globalThis) globalThis.addEventListener("unload", removeAll);

export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "millrace-e2e-"));
  folders.add(folder);
  const remove = () => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    folders.delete(folder);
  };
  const path = (name: string) => join(folder, name);
  return {
    folder,
    path,
    remove,
    write(name, content) {
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}
