/** `script:` in a configuration: the file becomes absolute where it stands, and later the function it exports. */

import { resolve } from "node:path";
import { type ConfigPath, isRecord } from "../core/config/problem.ts";
import { suggestion } from "../core/config/suggest.ts";
import type { BundleProblem } from "./bundle-program.ts";
import type { Evaluated, Programs, Ran, Scripts } from "./programs.ts";

/** Where a function may stand; `*` is any route, `?` any hook. */
const PLACES: readonly (readonly string[])[] = [
  ["hooks", "?"],
  ["routes", "*", "hooks", "?"],
  ["routes", "*", "target"],
  ["routes", "*", "mount"],
  ["onUnload"],
];
/** Here the function stands alone; elsewhere it keeps its deadline and fallback beside it. */
const BARE = new Set(["mount", "onUnload"]);

type Entry = Readonly<Record<string, unknown>> & { readonly script: string };

/** File names are relative to the file they stand in; from here on they are whole. */
export function withScriptFiles(value: unknown, directory: string): unknown {
  return replaced(value, (entry) => ({ ...entry, script: resolve(directory, entry.script) }));
}

export interface ScriptProblem {
  /** Of the entry. */
  readonly path: ConfigPath;
  /** In the script; null: the entry itself is wrong. */
  readonly inside: BundleProblem | null;
  readonly message: string;
}

export interface LoadedScripts {
  /** With functions in place of the entries. */
  readonly value: unknown;
  readonly problems: readonly ScriptProblem[];
  /** Those that ran. */
  readonly scripts: Scripts;
  /** Of all their bundles. */
  readonly files: readonly string[];
}

/** Whether there are any. */
export function hasScripts(value: unknown): boolean {
  let has = false;
  replaced(value, (entry) => {
    has = true;
    return entry;
  });
  return has;
}

export async function loadScripts(value: unknown, programs: Programs): Promise<LoadedScripts> {
  const names = new Set<string>();
  replaced(value, (entry) => {
    names.add(entry.script);
    return entry;
  });
  const ran = new Map<string, Ran>();
  for (const name of names) ran.set(name, await programs.script(name));
  const problems: ScriptProblem[] = [];
  const files: string[] = [];
  for (const result of ran.values()) files.push(...("bundle" in result ? result.bundle.files : result.files));
  const told = new Set<string>();
  const withCode = replaced(value, (entry, path) => {
    const { script, export: name = "default", ...rest } = entry;
    const result = ran.get(script);
    if (result === undefined) return entry;
    if ("problems" in result) {
      // Once, however many hooks are in that file.
      if (!told.has(script))
        problems.push(...result.problems.map((inside) => ({ path, inside, message: inside.message })));
      told.add(script);
      return undefined;
    }
    const code = Object.hasOwn(result.exports, String(name)) ? result.exports[String(name)] : undefined;
    if (isCode(code)) return BARE.has(String(path.at(-1))) ? code : { ...rest, run: code };
    problems.push({
      path: [...path, "export" in entry ? "export" : "script"],
      inside: null,
      message: wrongExport(name, code, result.exports),
    });
    return undefined;
  });
  const scripts = new Map<string, Evaluated>();
  for (const [name, result] of ran) if ("bundle" in result) scripts.set(name, result);
  return { value: withCode, problems, scripts, files };
}

/** A function, or an app with `fetch`; the schema says which it has to be. */
function isCode(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null && "fetch" in value);
}

function wrongExport(name: unknown, code: unknown, exports: Readonly<Record<string, unknown>>): string {
  if (code !== undefined) return `the script exports ${JSON.stringify(name)}, which is no function`;
  const names = Object.keys(exports);
  if (names.length === 0) return "the script exports nothing; write `export default function …`";
  return `the script has no export ${JSON.stringify(name)}; ${suggestion(String(name), names)}`;
}

type Replace = (entry: Entry, path: ConfigPath) => unknown;

/** The value with what `replace` makes of each entry; `undefined` takes it away. What has none stays the same object. */
function replaced(value: unknown, replace: Replace): unknown {
  return PLACES.reduce((before, place) => walk(before, place, [], replace), value);
}

function walk(value: unknown, place: readonly string[], path: ConfigPath, replace: Replace): unknown {
  const [step, ...rest] = place;
  if (step === undefined) return isEntry(value) ? replace(value, path) : value;
  if (step === "*") {
    if (!Array.isArray(value)) return value;
    let list: unknown[] | null = null;
    for (const [index, item] of value.entries()) {
      const next = walk(item, rest, [...path, index], replace);
      if (next === item) continue;
      list ??= [...value];
      list[index] = next;
    }
    return list ?? value;
  }
  if (!isRecord(value)) return value;
  const keys = step === "?" ? Object.keys(value) : Object.hasOwn(value, step) ? [step] : [];
  let map: Record<string, unknown> | null = null;
  for (const key of keys) {
    const next = walk(value[key], rest, [...path, key], replace);
    if (next === value[key]) continue;
    map ??= { ...value };
    if (next === undefined) delete map[key];
    else map[key] = next;
  }
  return map ?? value;
}

function isEntry(value: unknown): value is Entry {
  return isRecord(value) && typeof value["script"] === "string" && value["script"] !== "" && !("run" in value);
}
