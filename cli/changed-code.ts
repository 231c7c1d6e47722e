/** Which code of a configuration is another one now: a comparison of definitions does not see what a function does. */

import type { Origins } from "./read-config.ts";
import { shownName } from "./shown-name.ts";

const CODE = /\.[cm]?[jt]sx?$/;

/** Programs, and what they import, as they are shown: those that were written to, came or went since `before`. */
export function changedCode(before: Origins, after: Origins): string[] {
  const files = new Set([...before.files.keys(), ...after.files.keys()]);
  return [...files]
    .filter((file) => CODE.test(file) && before.files.get(file) !== after.files.get(file))
    .map((file) => shownName(file));
}
