/**
 * Notices that files of the configuration have changed, however they are written: in place, by a rename over them, or
 * by a link that leads elsewhere. Directories are watched, for a watch on a file is lost with the file; what they tell
 * is only a reason to look, for runtimes tell of one change several times, and other files live there, too.
 */

import { type FSWatcher, watch } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { expandGlob, isGlob } from "./glob.ts";
import type { Origins } from "./load-config.ts";

export interface FileWatch {
  /** From now on these. */
  goBy(origins: Origins): void;
  close(): void;
}

export interface WatchEvents {
  onChange(): void;
  /** A directory that cannot be watched. */
  onProblem(directory: string, error: unknown): void;
}

/** After the last event: whoever writes a file in pieces is mostly done by then. */
const SETTLE_MS = 100;

export function watchFiles(origins: Origins, events: WatchEvents): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let watched = origins;
  let known: Promise<string> = stateOf(origins);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  const look = async () => {
    const before = known;
    known = stateOf(watched);
    if ((await before) !== (await known) && !isClosed) events.onChange();
  };
  const onEvent = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), SETTLE_MS);
  };
  const follow = async () => {
    const directories = await directoriesOf(watched);
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      watchers.delete(directory);
    }
    for (const directory of directories) {
      if (watchers.has(directory) || isClosed) continue;
      try {
        const watcher = watch(directory, { persistent: false }, onEvent);
        watcher.on("error", (error) => events.onProblem(directory, error));
        watchers.set(directory, watcher);
      } catch (error) {
        events.onProblem(directory, error);
      }
    }
    // What changed before there was a watch.
    onEvent();
  };
  void follow();

  return {
    goBy(next) {
      watched = next;
      known = stateOf(next);
      void follow();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/** Different when any of the files is another one, or was written to. */
async function stateOf({ files, globs }: Origins): Promise<string> {
  const found = await Promise.all(globs.map(({ pattern, directory }) => expandGlob(pattern, directory)));
  const names = new Set([...files, ...found.flatMap((some) => some ?? [])]);
  const states = await Promise.all(
    [...names].map(async (name) => {
      try {
        const { ino, size, mtimeMs } = await stat(name);
        return `${name} ${ino} ${size} ${mtimeMs}`;
      } catch {
        return `${name} -`;
      }
    }),
  );
  return states.sort().join("\n");
}

/** Of the files, of what they are links to, and of those that a pattern may yet find. */
async function directoriesOf({ files, globs }: Origins): Promise<Set<string>> {
  const directories = new Set([...files].map((file) => dirname(file)));
  for (const file of files) {
    const real = await realpath(file).catch(() => file);
    directories.add(dirname(real));
  }
  for (const { pattern, directory } of globs) {
    const segments = resolve(directory, pattern).split("/");
    directories.add(segments.slice(0, segments.findIndex(isGlob)).join("/") || "/");
  }
  return directories;
}
