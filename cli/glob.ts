/**
 * The file names a pattern stands for: `*` and `?` within a name, `**` for any directories. Sorted, bounded. Links are
 * followed as in a shell, those to directories by all but `**`, which could go in circles.
 */

import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { join, parse, resolve, sep } from "node:path";
import { reasonOf } from "./read-text-file.ts";
import { shownName } from "./shown-name.ts";

/** Customers of a host, a directory each, and as many to spare. More looked into is a slip such as `/**`. */
const DIRECTORIES_MAX = 20_000;

export interface Expansion {
  /** Absolute names. */
  readonly files: readonly string[];
  /** What lies in these decides what the pattern finds. */
  readonly directories: readonly string[];
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/** `problem`: why it cannot be told which files. */
export async function expandGlob(
  pattern: string,
  directory: string,
  directoriesMax = DIRECTORIES_MAX,
): Promise<Expansion & { readonly problem: string | null }> {
  const whole = resolve(directory, pattern);
  const { root } = parse(whole);
  const search: Search = { found: new Set(), directories: new Set(), readsLeft: directoriesMax, problem: null };
  await walk(root, whole.slice(root.length).split(sep), search);
  const { found, directories, problem } = search;
  return { files: problem === null ? [...found].sort() : [], directories: [...directories], problem };
}

interface Search {
  readonly found: Set<string>;
  readonly directories: Set<string>;
  readsLeft: number;
  /** The search is over, for this reason. */
  problem: string | null;
}

async function walk(base: string, segments: readonly string[], search: Search): Promise<void> {
  const [segment, ...rest] = segments;
  if (segment === undefined || search.problem !== null) return;
  if (!isGlob(segment)) {
    const next = join(base, segment);
    // Not those on the way to the first one that is listed.
    if (search.directories.size > 0) search.directories.add(base);
    if (rest.length > 0) return walk(next, rest, search);
    // Whoever may not list a directory may still read a file in it.
    const entry = await attempt(next, () => lstat(next), search);
    if (entry !== null && (await entryOf(segment, base, entry, search))?.isDirectory === false) search.found.add(next);
    return;
  }
  const isDeep = segment === "**";
  if (isDeep) await walk(base, rest, search);
  for (const { name, isDirectory } of await entriesIn(base, segment, search)) {
    const next = join(base, name);
    if (isDirectory) await walk(next, isDeep ? segments : rest, search);
    else if (!isDeep && rest.length === 0) search.found.add(next);
  }
}

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
}

async function entriesIn(directory: string, segment: string, search: Search): Promise<Entry[]> {
  if (search.readsLeft-- <= 0) {
    search.problem ??= "would search too many directories; narrow the pattern";
    return [];
  }
  search.directories.add(directory);
  const entries = (await attempt(directory, () => readdir(directory, { withFileTypes: true }), search)) ?? [];
  const matches = matcher(segment);
  const wanted = entries.filter((entry) => matches.test(entry.name) && !(segment === "**" && entry.isSymbolicLink()));
  const known = await Promise.all(wanted.map((entry) => entryOf(entry.name, directory, entry, search)));
  return known.filter((entry) => entry !== null);
}

/** Null for what is not there. A customer's folder that cannot be looked into must not seem to be empty. */
async function attempt<Result>(path: string, look: () => Promise<Result>, search: Search): Promise<Result | null> {
  try {
    return await look();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code !== "ENOENT" && code !== "ENOTDIR") search.problem ??= `${shownName(path)} ${reasonOf(error)}`;
    return null;
  }
}

/** Null for a pipe or device: it would be read for ever. */
async function entryOf(name: string, directory: string, entry: Dirent | Stats, search: Search): Promise<Entry | null> {
  const path = join(directory, name);
  // Null for one that leads nowhere, which is for the reader to refuse, by its name.
  const target = entry.isSymbolicLink() ? await attempt(path, () => stat(path), search) : entry;
  const isDirectory = target?.isDirectory() ?? false;
  return target === null || isDirectory || target.isFile() ? { name, isDirectory } : null;
}

/** As in a shell, a leading dot is only matched by a written one. */
function matcher(segment: string): RegExp {
  const source = segment
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${segment.startsWith(".") ? "" : "(?!\\.)"}${source}$`, "s");
}
