/**
 * The file names a pattern stands for: `*` and `?` within a name, `**` for any directories. Sorted, bounded. Links are
 * followed as in a shell, those to directories by all but `**`, which could go in circles.
 */

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";

/** More than this many directories looked into is a slip such as `/**`. */
const DIRECTORIES_MAX = 1_000;

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/** Absolute names; null when too many directories would have to be read. */
export async function expandGlob(pattern: string, directory: string): Promise<string[] | null> {
  const segments = resolve(directory, pattern).split("/").slice(1);
  const found = new Set<string>();
  const budget = { directories: DIRECTORIES_MAX };
  const complete = await walk("", segments, found, budget);
  return complete ? [...found].sort() : null;
}

interface Budget {
  directories: number;
}

async function walk(base: string, segments: readonly string[], found: Set<string>, budget: Budget): Promise<boolean> {
  const [segment, ...rest] = segments;
  if (segment === undefined) return true;
  if (!isGlob(segment)) {
    const next = `${base}/${segment}`;
    if (rest.length > 0) return walk(next, rest, found, budget);
    const entries = await namesIn(base, budget);
    if (entries?.some((entry) => entry.name === segment && !entry.isDirectory)) found.add(next);
    return entries !== null;
  }
  if (segment === "**" && !(await walk(base, rest, found, budget))) return false;
  const entries = await namesIn(base, budget);
  if (entries === null) return false;
  const matches = matcher(segment);
  for (const { name, isDirectory, isLink } of entries) {
    // As in a shell, a leading dot is only matched by a written one.
    if (name.startsWith(".") && !segment.startsWith(".")) continue;
    if (segment === "**") {
      if (isDirectory && !isLink && !(await walk(`${base}/${name}`, segments, found, budget))) return false;
    } else if (matches.test(name)) {
      if (rest.length > 0) {
        if (isDirectory && !(await walk(`${base}/${name}`, rest, found, budget))) return false;
      } else if (!isDirectory) found.add(`${base}/${name}`);
    }
  }
  return true;
}

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isLink: boolean;
}

async function namesIn(directory: string, budget: Budget): Promise<Entry[] | null> {
  if (budget.directories-- <= 0) return null;
  const path = directory === "" ? "/" : directory;
  const entries = await readdir(path, { withFileTypes: true })
    // What cannot be looked into holds nothing for us.
    .catch(() => []);
  const names = await Promise.all(entries.map((entry) => entryOf(entry, path)));
  return names.filter((entry) => entry !== null);
}

/** Null for a pipe or device: it would be read for ever. */
async function entryOf(entry: Dirent, directory: string): Promise<Entry | null> {
  const isLink = entry.isSymbolicLink();
  // One that leads nowhere is for the reader to refuse, by its name.
  const target = isLink ? await stat(`${directory}/${entry.name}`).catch(() => null) : entry;
  const isDirectory = target?.isDirectory() ?? false;
  return target === null || isDirectory || target.isFile() ? { name: entry.name, isDirectory, isLink } : null;
}

function matcher(segment: string): RegExp {
  const source = segment
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}
