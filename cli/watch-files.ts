/**
 * Notices that files of the configuration, or lists of servers, have changed, however they are written: in place, by a
 * rename over them, or by a link that leads elsewhere. Directories are watched, for a watch on a file is lost with the file; what they tell
 * is only a reason to look, for runtimes tell of one change several times, and other files live there, too.
 *
 *     a directory tells ──► settle ──► look at all ──► another version? ──► onChange
 *     every 2 s, some in turn ──► another version? ──► the same
 */

import { type FSWatcher, watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as setTimeoutAsync } from "node:timers/promises";
import { escapeText } from "../core/observe/escape.ts";
import { errorText } from "../core/script/error-text.ts";
import { type DirectoryState, directoryStates, FOUND_VERSION, fileVersions } from "./file-version.ts";
import { expandGlob } from "./glob.ts";
import type { Origins } from "./load-config.ts";

/** Files with the versions that were read, and the patterns that found some of them. */
type WatchedFiles = Pick<Origins, "files" | "globs">;

export interface FileWatch {
  /** From now on these. Answers whether they still are as they were read; if not, that is told as a change. */
  goBy(origins: WatchedFiles): Promise<boolean>;
  close(): void;
}

export interface WatchEvents {
  /** The names of files that are others now, came or went. */
  onChange(files: readonly string[]): void;
  /** False: not now. What has changed is told at a later look. */
  mayChange?(): boolean;
  /** A directory that cannot be watched, and how many others cannot. */
  onProblem(directory: string, error: unknown, others: number): void;
}

/** Looked at anyway: network file systems tell nothing, nor Deno 2.9 of a directory that has taken another's place. */
const LOOK_MS = 2_000;
/** Files and directories that one such look takes, of more the next ones the next time: ten thousand at once are a fifth of a core on Deno. */
const LOOK_COUNT = 500;
/** After the last event: whoever writes a file in pieces is mostly done by then. */
const SETTLE_MS = 100;
const CLOSE_MS = 5;
/** After the first one: in a directory of busy logs there is no last. */
const SETTLE_MS_MAX = 1_000;

export function watchFiles(origins: WatchedFiles, events: WatchEvents, lookMs = LOOK_MS): FileWatch {
  return new Watching(origins, events, lookMs);
}

export function watchProblem(directory: string, error: unknown, others: number): string {
  const { code = "" } = error as { code?: string };
  const reason = LIMITS.get(code) ?? escapeText(errorText(error));
  const more = others === 0 ? "" : ` and ${others} more`;
  return `cannot watch ${escapeText(directory)}${more}: ${reason}; changes there take 2 s or longer to be noticed`;
}

/** By their own words it would be the disk that is full, or descriptors that are short. */
const LIMITS: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "this user's watches are used up (sysctl fs.inotify.max_user_watches)"],
  ["EMFILE", "this user's inotify instances (sysctl fs.inotify.max_user_instances) or the descriptors are used up"],
]);

interface WatchedDirectory {
  /** Null: it is not there, or cannot be watched. */
  readonly watcher: FSWatcher | null;
  readonly identity: string;
  version: string;
}

interface Target {
  readonly version: string;
  readonly place: string;
}

/** Of a directory that should be watched and is not: tried again whenever there is a reason to. */
const UNWATCHED = "unwatched";

class Watching implements FileWatch {
  readonly #events: WatchEvents;
  readonly #directories = new Map<string, WatchedDirectory>();
  /** What a directory tells of when a file was written to: the file, or what it is a link to. */
  #places: ReadonlySet<string> = new Set();
  /** What a file is a link to, as long as it is of this version. */
  #targets: ReadonlyMap<string, Target> = new Map();
  #watched: WatchedFiles;
  #known: ReadonlyMap<string, string>;
  /** It is not what was read, whatever a look finds. */
  #isStale = false;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #waitsSinceMs = 0;
  #resting: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  #isLooking = false;
  #isToLookAgain = false;
  #problemsTold = 0;
  #isClosed = false;

  constructor(origins: WatchedFiles, events: WatchEvents, lookMs: number) {
    this.#events = events;
    this.#watched = origins;
    this.#known = origins.files;
    void this.#follow();
    const rest = () => {
      this.#resting = setTimeout(() => void this.#lookAtRest().then(() => this.#isClosed || rest()), lookMs);
      this.#resting.unref();
    };
    rest();
  }

  async goBy(origins: WatchedFiles): Promise<boolean> {
    this.#watched = origins;
    this.#known = origins.files;
    this.#isStale = false;
    void this.#follow();
    const { versions } = await survey(origins);
    if (this.#isClosed || origins !== this.#watched || differing(origins.files, versions).length === 0) return true;
    this.#isStale = true;
    this.#onEvent();
    return false;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#settling);
    clearTimeout(this.#resting);
    for (const { watcher } of this.#directories.values()) watcher?.close();
    this.#directories.clear();
  }

  #onEvent(): void {
    const now = performance.now();
    if (this.#isClosed) return;
    if (this.#settling === undefined) this.#waitsSinceMs = now;
    else if (now - this.#waitsSinceMs > SETTLE_MS_MAX) return;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#settling = undefined;
      void this.#look();
    }, SETTLE_MS);
  }

  /** One look at a time: where the disk is slow they would pile up. */
  async #look(): Promise<void> {
    this.#isToLookAgain = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#lookAtAll();
    } finally {
      this.#isLooking = false;
    }
    if (this.#isToLookAgain && !this.#isClosed) await this.#look();
  }

  async #lookAtAll(): Promise<void> {
    const watched = this.#watched;
    const { versions, directories } = await survey(watched);
    if (this.#isClosed || watched !== this.#watched) return;
    const changed = differing(this.#known, versions);
    const isToTell = (changed.length > 0 || this.#isStale) && this.#events.mayChange?.() !== false;
    if (isToTell) {
      this.#known = versions;
      this.#isStale = false;
      this.#events.onChange(changed);
    }
    // Links may lead elsewhere now, and another directory may have come to a name.
    if (isToTell || directories.some((directory) => !this.#directories.has(directory))) await this.#follow();
  }

  async #lookAtRest(): Promise<void> {
    const paths = [...this.#directories.keys(), ...this.#known.keys()];
    if (this.#turn >= paths.length) this.#turn = 0;
    const some = paths.slice(this.#turn, this.#turn + LOOK_COUNT);
    this.#turn += LOOK_COUNT;
    const versions = await fileVersions(some);
    const isOther = (path: string, known = "") => versions.get(path) !== (known === FOUND_VERSION ? "" : known);
    const isOtherDirectory = (path: string) => {
      const directory = this.#directories.get(path);
      return directory !== undefined && isOther(path, directory.version);
    };
    if (some.some(isOtherDirectory)) await this.#follow();
    if (this.#isStale || some.some((path) => !this.#directories.has(path) && isOther(path, this.#known.get(path)))) {
      await this.#look();
    }
  }

  /** Watches the directories that there are now. Those that were there before are watched on. */
  async #follow(): Promise<void> {
    const watched = this.#watched;
    const states = await directoryStates(await this.#directoriesOf(watched));
    const isOver = () => this.#isClosed || watched !== this.#watched;
    if (isOver()) return;
    const gone = [...this.#directories].filter(([path, { identity }]) => states.get(path)?.identity !== identity);
    for (const [path, { watcher }] of gone) {
      watcher?.close();
      this.#directories.delete(path);
    }
    // Deno 2.9 tells nothing of a path that is watched anew in the turn in which the old watch was closed.
    if (gone.length > 0) await setTimeoutAsync(CLOSE_MS);
    if (isOver()) return;
    let isOther = false;
    const problems: [path: string, error: unknown][] = [];
    for (const [path, { identity, version }] of states) {
      const before = this.#directories.get(path);
      isOther ||= before?.version !== version;
      if (before !== undefined) before.version = version;
      else this.#directories.set(path, this.#watch(path, { identity, version }, problems));
    }
    const [first] = problems;
    if (first !== undefined && problems.length > this.#problemsTold) {
      this.#events.onProblem(...first, problems.length - 1);
    }
    this.#problemsTold = problems.length;
    // What changed since it was read, or before there was a watch.
    if (isOther) this.#onEvent();
  }

  #watch(path: string, state: DirectoryState, problems: [path: string, error: unknown][]): WatchedDirectory {
    // One that is not there may come.
    if (state.identity === "") return { ...state, watcher: null };
    try {
      const watcher = watch(path, { persistent: false }, (event, name) => {
        // Logs beside a configuration are written to all the time.
        if (event !== "change" || name === null || this.#places.has(join(path, name))) this.#onEvent();
      });
      watcher.on("error", (error) => this.#events.onProblem(path, error, 0));
      return { ...state, watcher };
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") problems.push([path, error]);
      return { ...state, identity: UNWATCHED, watcher: null };
    }
  }

  /** Those of the files, of what they are links to, and those in which patterns may yet find some. */
  async #directoriesOf({ globs }: WatchedFiles): Promise<Set<string>> {
    const targets = new Map<string, Target>();
    for (const [file, version] of this.#known) {
      const before = this.#targets.get(file);
      const isKnown = before !== undefined && before.version === version;
      targets.set(file, isKnown ? before : { version, place: await realpath(file).catch(() => file) });
    }
    const places = new Set([...targets].flatMap(([file, { place }]) => [file, place]));
    this.#targets = targets;
    this.#places = places;
    const expanded = await Promise.all(globs.map(({ pattern, directory }) => expandGlob(pattern, directory)));
    return new Set([...[...places].map((place) => dirname(place)), ...expanded.flatMap((some) => some.directories)]);
  }
}

/** The versions of the files and of those that patterns find now, and where these were looked for. */
async function survey({ files, globs }: WatchedFiles): Promise<{
  readonly versions: ReadonlyMap<string, string>;
  readonly directories: readonly string[];
}> {
  const expanded = await Promise.all(globs.map(({ pattern, directory }) => expandGlob(pattern, directory)));
  const found = new Set(expanded.flatMap((some) => some.files));
  const versions = await fileVersions(new Set([...files.keys(), ...found]));
  for (const file of found) if (versions.get(file) === "") versions.set(file, FOUND_VERSION);
  return { versions, directories: expanded.flatMap((some) => some.directories) };
}

function differing(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] {
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => left.get(name) !== right.get(name));
}
