/**
 * The building blocks of `schema.ts`: valibot schemas whose messages say what would be right, and which
 * report every unknown key of a section instead of the first.
 */

import * as v from "valibot";
import { parseDuration } from "../time/duration.ts";
import { describe, isMap, isRecord, quote } from "./problem.ts";
import { parseSize } from "./size.ts";
import { nearestName, suggestion } from "./suggest.ts";

/** Settings that count something stay far below what would overflow a typed array. */
export const COUNT_MAX = 1_000_000_000;

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const NAME_RIGHT = "write letters, digits, dots, dashes and underscores, at most 64";

const NO_MERGE_KEYS = "merge keys of YAML do not work here; write out what it stands for";

type Entries = v.ObjectEntries;

/**
 * A map with known keys. `elsewhere` tells where a key belongs that people look for here; `hides` keeps what was written
 * in place of the map, maybe a secret, out of messages; `instead` says what to write for what is often meant by no map.
 */
export function section<const E extends Entries>(
  entries: E,
  elsewhere: Readonly<Record<string, string>> = {},
  { hides = false, instead = "" }: { readonly hides?: boolean; readonly instead?: string } = {},
) {
  const known = Object.keys(entries);
  const schema = v.strictObject(entries, (issue) => {
    if (issue.expected !== "Object") return "is missing; it is required here";
    const keys = `${known.slice(0, 6).join(", ")}${known.length > 6 ? ", …" : ""}`;
    const got = hides ? "" : `, got ${describe(issue.input)}${indentHint(issue.input)}`;
    return `expected a map of ${keys}${got}${instead === "" ? "" : `; ${instead}`}`;
  });
  return withRun(schema, (dataset, config, next) => {
    const input = dataset.value;
    if (!isMap(input)) return refuseType(schema, dataset, config);
    const unknown = Object.keys(input).filter((key) => !known.includes(key));
    // valibot stops at the first unknown key, so it is shown only what it knows.
    const result = next(
      { value: Object.fromEntries(Object.entries(input).filter(([key]) => known.includes(key))) },
      config,
    );
    const { typed } = result;
    for (const key of unknown) {
      const hint =
        key === "<<" ? NO_MERGE_KEYS : Object.hasOwn(elsewhere, key) ? elsewhere[key] : suggestion(key, known);
      const issue = {
        input: input[key],
        expected: "never",
        message: `unknown key; ${hint}`,
        path: [keyItem(input, key)],
      };
      v._addIssue(schema as never, "key", result as never, config as never, issue as never);
    }
    // The keys that are known can still be used, to find what else is wrong.
    if (typed !== undefined) result.typed = typed;
    return result;
  });
}

/** A map whose keys are chosen by the user. */
export function table<V extends v.GenericSchema>(name: RegExp, nameRight: string, value: V) {
  const key = v.pipe(
    v.string(),
    v.regex(name, (issue) => `${quote(issue.input)} is no good name; ${nameRight}`),
  );
  const schema = v.record(
    key,
    value,
    (issue) => `expected a map, got ${describe(issue.input)}${indentHint(issue.input)}`,
  );
  return withRun(schema, (dataset, config, next) => {
    const input = dataset.value;
    if (!isMap(input)) return refuseType(schema, dataset, config);
    const result = next(dataset, config);
    for (const key of ["__proto__", "prototype", "constructor"]) {
      // valibot leaves these out without a word.
      if (!Object.hasOwn(input, key)) continue;
      const issue = {
        input: key,
        expected: "never",
        message: `the name ${key} is not allowed`,
        path: [keyItem(input, key)],
      };
      v._addIssue(schema as never, "key", result as never, config as never, issue as never);
    }
    return result;
  });
}

/** What the user calls an upstream, a route, a listener. */
export function nameText() {
  return text("a name", (value) => (NAME.test(value) ? null : NAME_RIGHT));
}

/** A map of what the user has named. */
export function named<V extends v.GenericSchema>(value: V) {
  return table(NAME, NAME_RIGHT, value);
}

/** As written, `as const` if need be, and as read. */
type List<I extends v.GenericSchema> = v.GenericSchema<readonly v.InferInput<I>[], v.InferOutput<I>[]>;

/** A list with at least one item; `instead` is what else there is to do about an empty one. */
export function list<I extends v.GenericSchema>(item: I, instead = ""): List<I> {
  return v.pipe(
    v.array(
      item,
      (issue) =>
        `expected a list, got ${describe(issue.input)}${indentHint(issue.input)}${bracketsHint(issue.input, item)}`,
    ),
    v.minLength(1, `is an empty list; give at least one item${instead}`),
  ) as v.GenericSchema as List<I>;
}

/** One item, or a list of them; always a list afterwards. */
export function oneOrMore<I extends v.GenericSchema>(item: I, expected: string) {
  return v.pipe(
    either([item, list(item, " or leave it out")], `${expected} or a list of them`),
    v.transform((value) => (Array.isArray(value) ? value : [value]) as v.InferOutput<I>[]),
  );
}

/** One of several shapes. */
export function either<const O extends v.UnionOptions>(options: O, expected: string) {
  const takes = (text: string) => options.some((option) => v.safeParse(option as v.GenericSchema, text).success);
  return v.union(
    options,
    (issue) => `expected ${expected}, got ${describe(issue.input)}${quotesHint(issue.input, takes)}`,
  );
}

/** As `either`, but a look at what is written says which shape is meant, so that only its problems are reported. */
export function meant<const O extends v.UnionOptions>(
  options: O,
  choose: (input: unknown) => O[number] | null,
  expected: string,
) {
  return withRun(either(options, expected), (dataset, config, next) => {
    const chosen = choose(dataset.value);
    return chosen === null ? next(dataset, config) : (chosen as unknown as { "~run": Run })["~run"](dataset, config);
  });
}

/** With what the reference and editors say of it. */
export function described<S extends v.GenericSchema>(schema: S, description: string) {
  return v.pipe(schema, v.description(description));
}

type Described<S extends v.GenericSchema> = ReturnType<typeof described<S>>;

/** The same of a key that may be left out; `fallback` is what it is then, as it would be written. */
export function optional<S extends v.GenericSchema, const F extends v.Default<Described<S>, undefined> = undefined>(
  schema: S,
  description: string,
  fallback?: F,
): v.OptionalSchema<Described<S>, F> {
  return v.optional(described(schema, description), fallback as F);
}

/** Text for which `problem` finds nothing wrong. */
export function text(expected: string, problem: (value: string) => string | null = () => null) {
  return v.pipe(
    v.string((issue) => {
      const inQuotes = isUnquoted(issue.input) ? problem(String(issue.input)) : null;
      const hint = inQuotes === null ? quotesHint(issue.input) : `: ${inQuotes}`;
      return `expected ${expected}, got ${describe(issue.input)}${hint}`;
    }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const wrong = problem(dataset.value);
      if (wrong !== null) addIssue({ message: `${quote(dataset.value)}: ${wrong}` });
    }),
  );
}

const NO_TIME = /^0(ms|s)$/;

/** `5s`; milliseconds afterwards. */
export function duration({ mayBeNone = false }: { readonly mayBeNone?: boolean } = {}) {
  return v.pipe(
    v.string((issue) => `expected a duration such as "5s" or "250ms", got ${describe(issue.input)}`),
    v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
      if (mayBeNone && NO_TIME.test(dataset.value)) return 0;
      const parsed = parseDuration(dataset.value);
      if (typeof parsed === "number") return parsed;
      addIssue({ message: `${quote(dataset.value)}: ${parsed.problem}` });
      return NEVER;
    }),
    v.metadata({ unit: "duration" }),
  );
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Whether `unlimited` may be written. */
  readonly unlimited?: boolean;
}

/** `64KiB` or a number of bytes; bytes afterwards. */
export function size(range: Range = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, unlimited = false } = range;
  return v.pipe(
    either([v.string(), v.number()], 'a size such as "64KiB"'),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      const value = dataset.value;
      if (value === "unlimited" && unlimited) return Number.POSITIVE_INFINITY;
      const parsed = typeof value === "number" ? wholeNumber(value) : parseSize(value);
      if (typeof parsed !== "number") addIssue({ message: `${describe(value)}: ${parsed.problem}` });
      else if (parsed < min || parsed > max)
        addIssue({ message: `${describe(value)}: must be from ${min} to ${max} bytes` });
      else return parsed;
      return NEVER;
    }),
    v.metadata({ unit: unlimited ? "size or unlimited" : "size", min, max }),
  );
}

/** A whole number. Digits in quotes are taken, too, since `${env:NAME}` gives nothing else. */
export function count(range: Range & { readonly zeroHint?: string } = {}) {
  const { min = 0, max = COUNT_MAX, unlimited = false, zeroHint } = range;
  return v.pipe(
    either([v.number(), v.string()], `a whole number from ${min} to ${max}`),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      const value = dataset.value;
      if (value === "unlimited" && unlimited) return Number.POSITIVE_INFINITY;
      const number = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
      const alternative = unlimited ? ' or "unlimited"' : "";
      const hint = number === 0 && zeroHint !== undefined ? `; ${zeroHint}` : "";
      addIssue({
        message: `expected a whole number from ${min} to ${max}${alternative}, got ${describe(value)}${hint}`,
      });
      return NEVER;
    }),
    v.metadata({ unit: unlimited ? "number or unlimited" : "number", min, max }),
  );
}

/** A number that may have a fraction, `isAbove` `min` or from there on. Digits in quotes are taken, too, as by `count`. */
export function decimal({ min, max, isAbove = false }: Required<Pick<Range, "min" | "max">> & { isAbove?: boolean }) {
  const right = isAbove ? `a number above ${min}, at most ${max}, such as 1.25` : `a number from ${min} to ${max}`;
  return v.pipe(
    either([v.number(), v.string()], right),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      const { value } = dataset;
      const number = typeof value === "string" && /^[0-9]{1,5}(\.[0-9]{1,9})?$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && number >= min && number <= max && !(isAbove && number === min)) return number;
      addIssue({ message: `expected ${right}, got ${describe(value)}` });
      return NEVER;
    }),
    v.metadata({ unit: "decimal", min, max }),
  );
}

/** `10%`; a share of 1 afterwards. */
export function percent(range: { readonly max?: number } = {}) {
  const { max = 100 } = range;
  return v.pipe(
    v.string((issue) => `expected a share such as "10%", got ${describe(issue.input)}${percentHint(issue.input)}`),
    v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
      const number = /^[0-9]{1,5}(\.[0-9]{1,3})?%$/.test(dataset.value) ? Number(dataset.value.slice(0, -1)) : null;
      if (number !== null && number <= max) return number / 100;
      addIssue({ message: `${quote(dataset.value)}: write a share from 0% to ${max}%, such as "10%"` });
      return NEVER;
    }),
    v.metadata({ unit: "percent" }),
  );
}

/** true or false; the two words in quotes are taken, too, since `${env:NAME}` gives nothing else. */
export function flag() {
  return v.pipe(
    v.union(
      [v.boolean(), v.picklist(["true", "false"])],
      (issue) => `expected true or false, got ${describe(issue.input)}`,
    ),
    v.transform((value) => value === true || value === "true"),
    v.metadata({ unit: "boolean" }),
  );
}

/** One of a few words. */
export function choice<const W extends readonly string[]>(words: W) {
  return v.picklist(words, (issue) => {
    const nearest = typeof issue.input === "string" ? nearestName(issue.input, words) : null;
    const meantHint = nearest === null ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
    return `expected one of ${words.join(", ")}, got ${describe(issue.input)}${meantHint}`;
  });
}

function wholeNumber(value: number): number | { problem: string } {
  return Number.isSafeInteger(value) && value >= 0 ? value : { problem: "must be a whole number of bytes" };
}

/** YAML reads `1`, `yes` and `2024-01-01` as something else than text. */
function isUnquoted(value: unknown): value is number | boolean {
  return typeof value === "number" || typeof value === "boolean";
}

/** Quotes are only advised where what stands in them is taken. */
function quotesHint(value: unknown, takes: (text: string) => boolean = () => true): string {
  return isUnquoted(value) && takes(String(value)) ? `; put it in quotes: ${JSON.stringify(String(value))}` : "";
}

/** A key of YAML that is followed by others of its own depth. */
function indentHint(value: unknown): string {
  return value === null ? "; indent what belongs to it" : "";
}

function bracketsHint(value: unknown, item: v.GenericSchema): string {
  if (!v.safeParse(item, value).success) return "";
  return `; put it in brackets: [${isRecord(value) ? "{ … }" : describe(value)}]`;
}

/** Whoever writes 0.1 means a tenth, whoever writes 10 means ten in a hundred. */
function percentHint(value: unknown): string {
  if (typeof value !== "number") return "";
  const percents = value > 0 && value < 1 ? Math.round(value * 100_000) / 1_000 : value;
  return `; write it with a percent sign: "${percents}%"`;
}

/** valibot would take a list for a map. */
function refuseType(schema: unknown, dataset: { value: unknown }, config: unknown) {
  v._addIssue(schema as never, "type", dataset as never, config as never);
  return dataset;
}

function keyItem(input: Record<string, unknown>, key: string) {
  return { type: "object", origin: "key", input, key, value: input[key] } as const;
}

type Run = (dataset: { value: unknown }, config: unknown) => { value: unknown; typed?: boolean; issues?: unknown };

function withRun<S>(schema: S, run: (dataset: { value: unknown }, config: unknown, next: Run) => unknown): S {
  const next = (schema as { "~run": Run })["~run"].bind(schema);
  return { ...schema, "~run": (dataset: { value: unknown }, config: unknown) => run(dataset, config, next) };
}
