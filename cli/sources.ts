/** Where the code of bundles was written: `file:line` of a function, and of what an error was thrown by. */

import { dirname, resolve } from "node:path";
import { SourceMapConsumer } from "source-map-js";
import type { Bundle } from "./bundle-program.ts";
import { shownName } from "./shown-name.ts";

/** A frame of a stack, whatever the runtime puts around it. */
const FRAME = /millrace-bundle-(\d+)\.js:(\d+):(\d+)/;

interface Known {
  readonly bundle: Bundle;
  lines: SourceMapConsumer | null;
}

export class Sources {
  #count = 0;
  /** Held by the functions of the bundle only. */
  readonly #known = new Map<number, WeakRef<Known>>();
  readonly #numbers = new WeakMap<Bundle, number>();
  readonly #ofFunctions = new WeakMap<object, Known>();
  readonly #gone = new FinalizationRegistry((number: number) => this.#known.delete(number));

  /** Bundles whose code is still there, as far as the runtime has told. */
  get size(): number {
    return this.#known.size;
  }

  /** What its frames are called by. */
  nameOf(bundle: Bundle): string {
    const number = ++this.#count;
    this.#numbers.set(bundle, number);
    const known: Known = { bundle, lines: null };
    this.#known.set(number, new WeakRef(known));
    this.#gone.register(known, number);
    // Until it has run it has no functions yet.
    this.#ofFunctions.set(bundle, known);
    return `millrace-bundle-${number}.js`;
  }

  /** Its functions and apps, wherever in `value`: what they throw can be traced as long as they are there. */
  remember(bundle: Bundle, value: unknown): void {
    const known = this.#ofFunctions.get(bundle);
    if (known !== undefined) this.#mark(known, value, 0, new Set());
  }

  /** `file:line` of a function of a bundle; `""` where nobody knows. */
  sourceOf(code: object): string {
    const known = this.#ofFunctions.get(code);
    if (known === undefined || typeof code !== "function") return "";
    const text = Function.prototype.toString.call(code);
    const at = known.bundle.code.indexOf(text);
    // Two that read the same: which of them is meant nobody can tell.
    if (at === -1 || known.bundle.code.includes(text, at + 1)) return "";
    const before = known.bundle.code.slice(0, at);
    const lineStart = before.lastIndexOf("\n") + 1;
    const place = this.#originalOf(known, before.split("\n").length, at - lineStart);
    return place === null ? "" : `${place.file}:${place.line}`;
  }

  /** `file:line:column` of the first of its frames that belongs to a bundle; null: it came from elsewhere. */
  placeOf(error: unknown): string | null {
    const stack = stackOf(error);
    if (stack === null) return null;
    const frame = FRAME.exec(stack);
    if (frame === null) return null;
    const known = this.#known.get(Number(frame[1]))?.deref();
    if (known === undefined) return "code that was reloaded since";
    const place = this.#originalOf(known, Number(frame[2]), Number(frame[3]) - 1);
    return place === null ? "" : `${place.file}:${place.line}:${place.column + 1}`;
  }

  /** The same behind a message; `""` where nobody knows. */
  atPlace(error: unknown): string {
    const place = this.placeOf(error) ?? "";
    return place === "" ? "" : `; at ${place}`;
  }

  #mark(known: Known, value: unknown, depth: number, seen: Set<unknown>): void {
    if (
      (typeof value !== "function" && typeof value !== "object") ||
      value === null ||
      depth > DEPTH_MAX ||
      seen.has(value)
    )
      return;
    seen.add(value);
    this.#ofFunctions.set(value, known);
    if (isPlain(value)) for (const inner of Object.values(value)) this.#mark(known, inner, depth + 1, seen);
  }

  #originalOf(known: Known, line: number, column: number): { file: string; line: number; column: number } | null {
    known.lines ??= new SourceMapConsumer(JSON.parse(known.bundle.map));
    // The first line begins with what we put before it.
    const found = known.lines.originalPositionFor({ line, column });
    const { source, line: originalLine, column: originalColumn } = found;
    if (source === null || originalLine === null) return null;
    const file = shownName(resolve(dirname(known.bundle.file), source));
    return { file, line: originalLine, column: originalColumn ?? 0 };
  }
}

/** Configurations are shallow: routes, hooks, the function. */
const DEPTH_MAX = 8;

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** Whatever was thrown: also what throws when it is looked at. */
function stackOf(error: unknown): string | null {
  try {
    const stack = typeof error === "object" && error !== null && "stack" in error ? error.stack : null;
    return typeof stack === "string" ? stack : null;
  } catch {
    return null;
  }
}
