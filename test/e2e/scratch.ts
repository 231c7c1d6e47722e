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

export function createScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "millrace-e2e-"));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", remove);
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
