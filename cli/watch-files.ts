/**
 * Notices that files of the configuration, or lists of servers, have changed, however they are written: in place, by a
 * rename over them, or by a link that leads elsewhere. Directories are watched, for a watch on a file is lost with the file; what they tell
 * is only a reason to look, for runtimes tell of one change several times, and other files live there, too.
 */

import { type FSWatcher, watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as setTimeoutAsync } from "node:timers/promises";
import { FOUND_VERSION, fileVersions } from "./file-version.ts";
import { expandGlob, isGlob } from "./glob.ts";
import type { Origins } from "./load-config.ts";

/** Files with the versions that were read, and the patterns that found some of them. */
type WatchedFiles = Pick<Origins, "files" | "globs">;

export interface FileWatch {
  /** From now on these. */
  goBy(origins: WatchedFiles): void;
  close(): void;
}

export interface WatchEvents {
  onChange(): void;
  /** False: not now. What has changed is told at a later look. */
  mayChange?(): boolean;
  /** A directory that cannot be watched. */
  onProblem(directory: string, error: unknown): void;
}

/** Looked at anyway: network file systems tell nothing, nor Deno 2.9 of a directory that has taken another's place. */
const LOOK_MS = 2_000;
/** After the last event: whoever writes a file in pieces is mostly done by then. */
const SETTLE_MS = 100;
const CLOSE_MS = 5;
/** After the first one: in a directory of busy logs there is no last. */
const SETTLE_MS_MAX = 1_000;

export function watchFiles(origins: WatchedFiles, events: WatchEvents, lookMs = LOOK_MS): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let watched = origins;
  let known = origins.files;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitsSinceMs = 0;
  let isClosed = false;

  const look = async () => {
    const looked = watched;
    const now = await versionsOf(looked);
    if (isClosed || looked !== watched || isSame(known, now) || events.mayChange?.() === false) return;
    known = now;
    events.onChange();
  };
  const onEvent = () => {
    const now = performance.now();
    if (timer === undefined) waitsSinceMs = now;
    else if (now - waitsSinceMs > SETTLE_MS_MAX) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      void look();
    }, SETTLE_MS);
  };
  const follow = async () => {
    const followed = watched;
    const directories = await directoriesOf(followed);
    if (isClosed || followed !== watched) return;
    // All anew: another directory may have come to a name, and the watch stays with the old one.
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
    // Deno 2.9 tells nothing of a path that is watched anew in the turn in which the old watch was closed.
    await setTimeoutAsync(CLOSE_MS);
    if (isClosed || followed !== watched) return;
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, onEvent);
        watcher.on("error", (error) => events.onProblem(directory, error));
        watchers.set(directory, watcher);
      } catch (error) {
        events.onProblem(directory, error);
      }
    }
    // What changed since it was read, or before there was a watch.
    onEvent();
  };
  void follow();
  const looking = setInterval(() => void look(), lookMs);
  looking.unref();

  return {
    goBy(next) {
      watched = next;
      known = next.files;
      void follow();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearInterval(looking);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

/** Of the files, and of those that a pattern finds now. */
async function versionsOf({ files, globs }: WatchedFiles): Promise<ReadonlyMap<string, string>> {
  const expanded = await Promise.all(globs.map(({ pattern, directory }) => expandGlob(pattern, directory)));
  const found = new Set(expanded.flatMap((some) => ("problem" in some ? [] : some)));
  const versions = await fileVersions(new Set([...files.keys(), ...found]));
  for (const file of found) if (versions.get(file) === "") versions.set(file, FOUND_VERSION);
  return versions;
}

function isSame(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([name, version]) => right.get(name) === version);
}

/** Of the files, of what they are links to, and of those that a pattern may yet find. */
async function directoriesOf({ files, globs }: WatchedFiles): Promise<Set<string>> {
  const directories = new Set([...files.keys()].map((file) => dirname(file)));
  for (const file of files.keys()) {
    const real = await realpath(file).catch(() => file);
    directories.add(dirname(real));
  }
  for (const { pattern, directory } of globs) {
    const segments = resolve(directory, pattern).split("/");
    directories.add(segments.slice(0, segments.findIndex(isGlob)).join("/") || "/");
  }
  return directories;
}
