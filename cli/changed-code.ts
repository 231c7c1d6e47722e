/** Which code of a configuration is another one now: a comparison of definitions does not see what a function does. */

import type { Origins } from "./read-config.ts";
import { shownName } from "./shown-name.ts";

/** Programs, and what they import, as they are shown: those that were written to, came or went since `before`. */
export function changedCode(before: Origins, after: Origins): string[] {
  const files = new Set([...before.code, ...after.code]);
  return [...files].filter((file) => versionIn(before, file) !== versionIn(after, file)).map((file) => shownName(file));
}

function versionIn({ code, files }: Origins, file: string): string | undefined {
  return code.has(file) ? files.get(file) : undefined;
}
