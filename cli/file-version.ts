/** What tells a file from itself after it was written to, replaced, led elsewhere, or given other permissions. */

import { type Stats, statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** Of what a pattern finds and nobody can look at: a link that leads nowhere, or a file that went while others were read. */
export const FOUND_VERSION = "found";

/** Deno 2.9 has a thread for each, up to 512, which costs it twice as much. */
const AT_ONCE = 16;

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
export function fileVersions(paths: Iterable<string>): Promise<Map<string, string>> {
  return ofEach(paths, fileVersion);
}

/** Both `""` while it is not there. */
export interface DirectoryState {
  /** Another one for another directory of the same name; the inode alone may be given out again. */
  readonly identity: string;
  /** Another one, too, when files in it came or went. */
  readonly version: string;
}

export function directoryStates(paths: Iterable<string>): Promise<Map<string, DirectoryState>> {
  return ofEach(paths, async (path) => {
    try {
      const stats = await stat(path);
      return { identity: `${stats.dev} ${stats.ino} ${stats.birthtimeMs}`, version: versionOf(stats) };
    } catch {
      return { identity: "", version: "" };
    }
  });
}

async function ofEach<T>(paths: Iterable<string>, look: (path: string) => Promise<T>): Promise<Map<string, T>> {
  const results = new Map<string, T>();
  const left = new Set(paths).values();
  const some = async () => {
    for (const path of left) results.set(path, await look(path));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  return results;
}

/** The time of the last change of any kind is in whole seconds on Deno 2.9: what else may change stands beside it. */
function versionOf({ ino, size, mtimeMs, ctimeMs, mode, uid, gid }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs} ${mode} ${uid} ${gid}`;
}
