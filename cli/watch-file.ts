/**
 * Tells when a file has changed: written, replaced by renaming another over it, or behind a symbolic link that now
 * leads elsewhere. The directory is watched, because a watch on a file is lost when it is replaced; and looked at every
 * few seconds, because network file systems and narrow permissions tell nothing.
 */

import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** One save is several events. */
const SETTLE_MS = 50;
const LOOK_MS = 2_000;

export function watchFile(path: string, onChange: () => void, lookMs = LOOK_MS): { close(): void } {
  let version = versionOf(path);
  let settling: ReturnType<typeof setTimeout> | null = null;
  const look = (): void => {
    settling = null;
    const now = versionOf(path);
    if (now === version) return;
    version = now;
    onChange();
  };
  const watcher = watchDirectory(dirname(path), () => {
    settling ??= setTimeout(look, SETTLE_MS);
  });
  const looking = setInterval(look, lookMs);
  looking.unref();
  return {
    close() {
      watcher?.close();
      clearInterval(looking);
      if (settling !== null) clearTimeout(settling);
    },
  };
}

/** Any name in it may be meant: a mounted volume changes the target of a link beside the file. */
function watchDirectory(directory: string, onEvent: () => void): FSWatcher | null {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}

/** `""` while it is not there. */
function versionOf(path: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return "";
  }
}
