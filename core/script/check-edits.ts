/** Changes to fields as a hook asks for them → what is dropped and what is added, or why not. */

import { FIELD_VALUE, TOKEN } from "../bytes/ascii.ts";
import { EDITED_FIELDS_MAX } from "../limits.ts";
import { uneditable } from "../route/field-edits.ts";
import { isOpaque, kindOf, quoted } from "./describe-value.ts";

export interface Edits {
  /** Lower-case names; dropped before anything is added. */
  readonly drop: readonly string[];
  /** Names as they are to be written, and values. */
  readonly add: readonly (readonly [string, string])[];
}

export const NO_EDITS: Edits = Object.freeze({ drop: [], add: [] });

const FORM = "write headers as { set: { NAME: VALUE }, add: { NAME: VALUE }, remove: [NAME] }";

/** Throws a TypeError that says what is wrong: a hook's answer is its author's mistake. */
export function checkEdits(edits: unknown): Edits {
  if (edits === undefined || edits === null) return NO_EDITS;
  const { set, add, remove, ...rest } = mapOf(edits, "headers");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`headers.${unknown} is not known; ${FORM}`);
  const drop: string[] = [];
  const added: [string, string][] = [];
  for (const name of listOf(remove, "headers.remove")) drop.push(nameOf(name).toLowerCase());
  for (const [name, value] of Object.entries(mapOf(set ?? {}, "headers.set"))) {
    drop.push(nameOf(name).toLowerCase());
    added.push([name, valueFor(name, value)]);
  }
  for (const [name, values] of Object.entries(mapOf(add ?? {}, "headers.add")))
    for (const value of listOf(values, `headers.add.${name}`)) added.push([nameOf(name), valueFor(name, value)]);
  if (drop.length + added.length > EDITED_FIELDS_MAX)
    throw new TypeError(`headers change more than ${EDITED_FIELDS_MAX} fields`);
  return { drop, add: added };
}

function nameOf(name: unknown): string {
  if (typeof name !== "string" || name === "") throw new TypeError(`${quoted(name)} is no field name`);
  for (let i = 0; i < name.length; i++)
    if (TOKEN[name.charCodeAt(i)] !== 1) throw new TypeError(`${quoted(name)} is no field name`);
  const reason = uneditable(name);
  if (reason !== null) throw new TypeError(`${quoted(name)} cannot be changed: it ${reason}${insteadOf(name)}`);
  return name;
}

function insteadOf(name: string): string {
  return name.toLowerCase() === "host" ? '; onRequest and decide may answer { host: "…" } instead' : "";
}

/** The value is not shown: it may be a secret. */
function valueFor(name: string, value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`the value of ${quoted(name)} is ${kindOf(value)}; give a text`);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || FIELD_VALUE[code] !== 1)
      throw new TypeError(
        `the value of ${quoted(name)} holds U+${code.toString(16).padStart(4, "0")}, which cannot stand in a field`,
      );
  }
  return value;
}

function mapOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !isOpaque(value))
    return value as Record<string, unknown>;
  throw new TypeError(`${what} is ${kindOf(value)}; ${FORM}`);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value;
  throw new TypeError(`${what} is ${kindOf(value)}; give a text or a list of texts`);
}
