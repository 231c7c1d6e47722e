/** What tells a file from itself after it was written to, replaced, led elsewhere, or given other permissions. */

import { type Stats, statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** Of what a pattern finds and nobody can look at: a link that leads nowhere, or a file that went while others were read. */
export const FOUND_VERSION = "found";

/** `""` while it is not there. */
export async function fileVersion(path: string): Promise<string> {
  try {
    return versionOf(await stat(path));
  } catch {
    return "";
  }
}

/** The same, for who is about to read it without a pause. */
export function fileVersionNow(path: string): string {
  try {
    return versionOf(statSync(path));
  } catch {
    return "";
  }
}

/** By name. */
export async function fileVersions(paths: Iterable<string>): Promise<Map<string, string>> {
  return new Map(await Promise.all([...paths].map(async (path) => [path, await fileVersion(path)] as const)));
}

function versionOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
