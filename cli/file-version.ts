/** What tells a file from itself after it was written to, replaced, or led elsewhere. */

import { stat } from "node:fs/promises";

/** `""` while it is not there. */
export async function fileVersion(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return "";
  }
}

/** By name. */
export async function fileVersions(paths: Iterable<string>): Promise<Map<string, string>> {
  return new Map(await Promise.all([...paths].map(async (path) => [path, await fileVersion(path)] as const)));
}
