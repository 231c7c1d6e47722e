/** What is wrong with a configuration: where, and what would be right. Never thrown; always all of them. */

import { isOpaque } from "../script/describe-value.ts";

export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a configuration, and where. */
export interface ConfigProblem {
  /** From the root of the merged configuration; empty for the whole of it. */
  readonly path: ConfigPath;
  /** What is wrong, then what would be right. */
  readonly message: string;
  /** The key is wrong, not what it holds: the position shown is that of the key. */
  readonly atKey: boolean;
}

export function problemAt(path: ConfigPath, message: string): ConfigProblem {
  return { path, message, atKey: false };
}

export function problemAtKey(path: ConfigPath, message: string): ConfigProblem {
  return { path, message, atKey: true };
}

/** `routes[3].match.header["X-A b"]`; `""` for the root. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** A value as a person would recognise it in their file, short and on one line. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isOpaque(value)) return "an object without keys of its own (a Map, a Promise, …), where a plain one is meant";
  if (typeof value === "object") return "a map";
  if (typeof value === "function") return "a function";
  if (typeof value === "string") return quote(value);
  if (typeof value === "bigint") return `${value}n`;
  return String(value);
}

/** Neither null nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A map of settings. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !isOpaque(value);
}

/** JSON's escapes, so that no control character reaches a terminal; long text is cut. */
export function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
