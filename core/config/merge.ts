/**
 * Several files, one configuration: lists are appended in the order of the files, maps are united, and what
 * stands in two files is a problem that names both. Keeps where everything came from.
 */

import { type ConfigPath, type ConfigProblem, formatPath, isRecord, problemAtKey } from "./problem.ts";

export interface ConfigSource {
  /** The file as the user would write it. */
  readonly file: string;
  /** What it holds, parsed, variables substituted. */
  readonly value: unknown;
}

export interface Place {
  readonly file: string;
  /** Within that file. */
  readonly path: ConfigPath;
}

export interface MergedConfig {
  readonly value: unknown;
  /** Where a part of the merged configuration was written; the first file when it is nowhere. */
  originOf(path: ConfigPath): Place;
  /** With paths into the merged configuration; `place` is the second of the two. */
  readonly problems: readonly { readonly problem: ConfigProblem; readonly place: Place }[];
}

/** The first source is the file named by the user, the rest what it includes. */
export function mergeSources(sources: readonly [ConfigSource, ...ConfigSource[]]): MergedConfig {
  const [first] = sources;
  // One file may hold anything; the schema says what is wrong with it.
  if (sources.length === 1) {
    return { value: first.value, originOf: (path) => ({ file: first.file, path }), problems: [] };
  }
  const merge = new Merge(first.file);
  for (const { file, value } of sources) {
    for (const [key, item] of Object.entries((value ?? {}) as Record<string, unknown>)) {
      if (key !== "include" && key !== "$schema") merge.add(file, key, item);
    }
  }
  return {
    value: Object.fromEntries(merge.values),
    originOf: (path) => merge.originOf(path),
    problems: merge.problems,
  };
}

class Merge {
  readonly values = new Map<string, unknown>();
  readonly problems: { problem: ConfigProblem; place: Place }[] = [];
  readonly #firstFile: string;
  /** By top-level key, and by `key\0inner` for the items of lists and maps. */
  readonly #origins = new Map<string, Place>();

  constructor(firstFile: string) {
    this.#firstFile = firstFile;
  }

  add(file: string, key: string, item: unknown): void {
    const there = this.values.get(key);
    if (!this.values.has(key)) this.#origins.set(key, { file, path: [key] });
    if (Array.isArray(item) && (there === undefined || Array.isArray(there))) {
      const items = (there ?? []) as unknown[];
      for (const [index, inner] of item.entries()) {
        this.#origins.set(`${key}\0${items.length}`, { file, path: [key, index] });
        items.push(inner);
      }
      this.values.set(key, items);
    } else if (isRecord(item) && (there === undefined || isRecord(there))) {
      this.#addEntries(file, key, item, (there ?? {}) as Record<string, unknown>);
    } else if (there === undefined) {
      this.values.set(key, item);
    } else {
      this.#refuse(file, [key], this.#origins.get(key));
    }
  }

  originOf(path: ConfigPath): Place {
    const [key, inner] = path;
    const precise = inner === undefined ? undefined : this.#origins.get(`${key}\0${inner}`);
    if (precise !== undefined) return { file: precise.file, path: [...precise.path, ...path.slice(2)] };
    const origin = this.#origins.get(String(key));
    return origin === undefined ? { file: this.#firstFile, path } : { file: origin.file, path };
  }

  #addEntries(file: string, key: string, item: Record<string, unknown>, there: Record<string, unknown>): void {
    for (const [name, inner] of Object.entries(item)) {
      const origin = this.#origins.get(`${key}\0${name}`);
      if (origin !== undefined) {
        this.#refuse(file, [key, name], origin);
        continue;
      }
      this.#origins.set(`${key}\0${name}`, { file, path: [key, name] });
      // Never assigned: `__proto__` would set the prototype instead of a key.
      Object.defineProperty(there, name, { value: inner, enumerable: true, writable: true, configurable: true });
    }
    this.values.set(key, there);
  }

  #refuse(file: string, path: ConfigPath, first: Place | undefined): void {
    const message = `is already set in ${first?.file ?? this.#firstFile} (${formatPath(first?.path ?? path)}); keep it in one file`;
    this.problems.push({ problem: problemAtKey(path, message), place: { file, path } });
  }
}
