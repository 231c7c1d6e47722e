/** Values that code has given, in words: for the errors that tell its author what is wrong with them. */

/** What kind of thing it is: `a number`, `a list`, `an object (Map)`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "object") return `a ${typeof value}`;
  const tag = tagOf(value);
  return tag === "Object" ? "an object" : `an object (${tag})`;
}

/** A number as it is, of all else what kind of thing it is. */
export function numberOrKind(value: unknown): string {
  return typeof value === "number" ? String(value) : kindOf(value);
}

/** A text as it is, in quotes and no longer than anybody reads; of all else what kind of thing it is. */
export function quoted(value: unknown): string {
  return JSON.stringify(typeof value === "string" ? value.slice(0, 100) : kindOf(value));
}

/**
 * A Map, a Promise, a Date …: what it holds stands under no key, so that taking it for a map would lose all of it. One with
 * any of the `known` names is none, wherever it has them from.
 */
export function isOpaque(value: unknown, known: readonly string[] = []): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of plain objects, of whatever realm, has none itself.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return !isPlain && Object.keys(value).length === 0 && !known.some((name) => name in value);
}

function tagOf(value: object): string {
  try {
    return Object.prototype.toString.call(value).slice("[object ".length, -1);
  } catch {
    return "Object"; // it throws when it is looked at
  }
}
