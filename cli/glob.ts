/** The file names a pattern stands for: `*` and `?` within a name, `**` for any directories. Sorted, bounded. */

import { readdir } from "node:fs/promises";
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
  for (const { name, isDirectory } of entries) {
    // As in a shell, a leading dot is only matched by a written one.
    if (name.startsWith(".") && !segment.startsWith(".")) continue;
    if (segment === "**") {
      if (isDirectory && !(await walk(`${base}/${name}`, segments, found, budget))) return false;
    } else if (matches.test(name)) {
      if (rest.length > 0) {
        if (isDirectory && !(await walk(`${base}/${name}`, rest, found, budget))) return false;
      } else if (!isDirectory) found.add(`${base}/${name}`);
    }
  }
  return true;
}

async function namesIn(directory: string, budget: Budget): Promise<{ name: string; isDirectory: boolean }[] | null> {
  if (budget.directories-- <= 0) return null;
  try {
    const entries = await readdir(directory === "" ? "/" : directory, { withFileTypes: true });
    // A pipe or device among them would be read for ever.
    const usable = entries.filter((entry) => entry.isFile() || entry.isDirectory() || entry.isSymbolicLink());
    return usable.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch {
    // What cannot be looked into holds nothing for us.
    return [];
  }
}

function matcher(segment: string): RegExp {
  const source = segment
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s");
}
