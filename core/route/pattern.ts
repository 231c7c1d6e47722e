/** Regular expressions that run in linear time whatever the input (M12): RE2's syntax, by re2js. */

import { RE2JS, RE2JSException } from "re2js";
import { PATTERN_INPUT_MAX, PATTERN_PROGRAM_SIZE_MAX } from "../limits.ts";

export interface Pattern {
  readonly source: string;
  /** Names of the groups, `""` for one without; group 1 comes first. */
  readonly groups: readonly string[];
  /** Whether it is found anywhere in the text; null when the text is too long to be looked at. */
  test(text: string): boolean | null;
  /** The text of each group, `""` for one that took no part; null when there is no match or the text is too long. */
  capture(text: string): readonly string[] | null;
  /** The text with the first match replaced by what `replacement` makes of the groups; null when there is none. */
  replaceFirst(text: string, replacement: (groups: readonly string[]) => string): string | null;
}

export function compilePattern(source: string): { readonly pattern: Pattern } | { readonly problem: string } {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(source);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return { problem: problemOf(source, error.message) };
  }
  if (regex.programSize() > PATTERN_PROGRAM_SIZE_MAX) {
    return { problem: "the regular expression is too large; use fewer alternatives or smaller repeat counts" };
  }
  return { pattern: new LinearPattern(source, regex) };
}

class LinearPattern implements Pattern {
  readonly source: string;
  readonly groups: readonly string[];
  readonly #regex: RE2JS;

  constructor(source: string, regex: RE2JS) {
    this.source = source;
    this.#regex = regex;
    const names = new Array<string>(regex.groupCount()).fill("");
    for (const [name, index] of Object.entries(regex.namedGroups())) names[index - 1] = name;
    this.groups = names;
  }

  test(text: string): boolean | null {
    return text.length > PATTERN_INPUT_MAX ? null : this.#regex.test(text);
  }

  capture(text: string): readonly string[] | null {
    if (text.length > PATTERN_INPUT_MAX) return null;
    const matcher = this.#regex.matcher(text);
    if (!matcher.find()) return null;
    return this.groups.map((_, index) => matcher.group(index + 1) ?? "");
  }

  replaceFirst(text: string, replacement: (groups: readonly string[]) => string): string | null {
    if (text.length > PATTERN_INPUT_MAX) return null;
    const matcher = this.#regex.matcher(text);
    if (!matcher.find()) return null;
    const groups = this.groups.map((_, index) => matcher.group(index + 1) ?? "");
    return text.slice(0, matcher.start()) + replacement(groups) + text.slice(matcher.end());
  }
}

function problemOf(source: string, message: string): string {
  if (/\(\?<?[=!]/.test(source)) {
    return "look-around ((?=, (?!, (?<=, (?<!) is not supported, because it cannot be matched in linear time; use `not` or another route";
  }
  if (/\\[1-9]/.test(source))
    return "a back-reference (\\1) is not supported, because it cannot be matched in linear time";
  return message.replace(/^error parsing regexp: /, "the regular expression is wrong: ");
}
