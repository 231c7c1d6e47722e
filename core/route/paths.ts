/**
 * Which routes a path has. Plain paths are one map look-up. Prefixes and parameters share a tree of segments,
 * walked twice: to the end of the path for parameters, then to the deepest prefix. Expressions come last.
 *
 *     exact        /users/me  →  entries                    root ─ users ┬ :id          ends: /users/:id
 *     ends, rests  the tree on the right                                 └ rests: /users/*
 *     regexes      in file order                            │
 *     every        routes that ask for no path              └ rests: —
 *
 * At every node a literal segment is tried before a parameter, and what is deeper before what is above it.
 */

import { readConfiguredPath } from "../http/path.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import type { PathPattern, RouteRequest } from "./route.ts";

/** What a condition says of a request. */
export type Verdict = typeof HOLDS | typeof FAILS | typeof CANNOT_TELL;
export const HOLDS = 1;
export const FAILS = 0;
export const CANNOT_TELL = -1;

/** Which of the two readings of `http/path.ts` is being routed: patterns are compared in the same reading. */
export type Reading = "literal" | "decoded";

export interface PathEntry {
  /** Whether the conditions beside host and path hold. */
  accepts(request: RouteRequest, path: string, reading: Reading): Verdict;
}

/** A segment, or null for a parameter. */
type Segments = readonly (string | null)[];

export type CompiledPath =
  | { readonly kind: "exact"; readonly names: readonly string[]; readonly text: Readonly<Record<Reading, string>> }
  | {
      readonly kind: "ends" | "rests";
      /** Of the parameters, then `""` for what `/*` matches. */
      readonly names: readonly string[];
      readonly segments: Readonly<Record<Reading, Segments>>;
    }
  | { readonly kind: "regex"; readonly names: readonly string[]; readonly pattern: Pattern }
  | { readonly kind: "every"; readonly names: readonly string[] };

export const EVERY_PATH: CompiledPath = Object.freeze({ kind: "every", names: Object.freeze([]) });

/** The parameter `names` of the pattern stand in the order of `capturesOf`. */
export function compilePath(pattern: PathPattern): CompiledPath | { readonly problem: string } {
  if (pattern.kind === "regex") {
    const compiled = compilePattern(pattern.source);
    if ("problem" in compiled) return compiled;
    return { kind: "regex", names: compiled.pattern.groups, pattern: compiled.pattern };
  }
  if (pattern.kind === "exact") {
    const read = readConfiguredPath(pattern.path);
    if ("refused" in read) return { problem: `${JSON.stringify(pattern.path)} has ${read.refused}` };
    return { kind: "exact", names: [], text: read };
  }
  return pattern.kind === "prefix"
    ? compileSegments(`${pattern.prefix.replace(/\/\*?$/, "")}/*`, false)
    : compileSegments(pattern.pattern, true);
}

/** As configurations write it. */
export function pathText(path: PathPattern): string {
  if (path.kind === "exact") return path.path;
  if (path.kind === "prefix") return `${path.prefix.replace(/\/$/, "")}/*`;
  return path.kind === "parameters" ? path.pattern : `matching ${path.source}`;
}

/** The naive way to ask, for conditions inside `not`. */
export function pathMatches(compiled: CompiledPath, path: string, reading: Reading): Verdict {
  switch (compiled.kind) {
    case "every":
      return HOLDS;
    case "exact":
      return path === compiled.text[reading] ? HOLDS : FAILS;
    case "regex": {
      const found = compiled.pattern.test(path);
      return found === null ? CANNOT_TELL : found ? HOLDS : FAILS;
    }
    default:
      return segmentsMatch(compiled.segments[reading], compiled.kind === "rests", path) ? HOLDS : FAILS;
  }
}

/** What the parameters, the rest behind `/*` or the groups of the pattern are in a path it matches, still escaped. */
export function capturesOf(compiled: CompiledPath, path: string, reading: Reading): readonly string[] {
  if (compiled.kind === "regex") return compiled.pattern.capture(path) ?? [];
  if (compiled.kind !== "ends" && compiled.kind !== "rests") return [];
  const segments = compiled.segments[reading];
  const given = path.split("/");
  const values = segments.flatMap((segment, index) => (segment === null ? [given[index + 1] ?? ""] : []));
  if (compiled.kind === "rests") values.push(given.slice(segments.length + 1).join("/"));
  return values;
}

/** Negative when `left` is looked at before `right`, 0 when file order or other conditions decide. */
export function comparePaths(left: CompiledPath, right: CompiledPath): number {
  if (left.kind !== right.kind) return KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind);
  if (left.kind !== "ends" && left.kind !== "rests") return 0;
  const ours = left.segments.literal;
  const theirs = (right as typeof left).segments.literal;
  for (let index = 0; index < Math.min(ours.length, theirs.length); index++) {
    if ((ours[index] === null) !== (theirs[index] === null)) return ours[index] === null ? 1 : -1;
  }
  return theirs.length - ours.length;
}

export class PathIndex<Entry extends PathEntry> {
  readonly #reading: Reading;
  readonly #exact = new Map<string, Entry[]>();
  readonly #root: Node<Entry> = createNode();
  readonly #regexes: { readonly pattern: Pattern; readonly entry: Entry }[] = [];
  readonly #every: Entry[] = [];
  #hasParameters = false;
  #hasRests = false;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Entries of the same pattern are tried in the order they were added. */
  add(compiled: CompiledPath, entry: Entry): void {
    switch (compiled.kind) {
      case "exact": {
        const text = compiled.text[this.#reading];
        const entries = this.#exact.get(text);
        if (entries === undefined) this.#exact.set(text, [entry]);
        else entries.push(entry);
        return;
      }
      case "regex":
        this.#regexes.push({ pattern: compiled.pattern, entry });
        return;
      case "every":
        this.#every.push(entry);
        return;
      default: {
        const node = nodeAt(this.#root, compiled.segments[this.#reading]);
        if (compiled.kind === "ends") this.#hasParameters = true;
        else this.#hasRests = true;
        node[compiled.kind].push(entry);
      }
    }
  }

  /** The first entry in precedence order that accepts the request. */
  find(request: RouteRequest, path: string): Entry | null | typeof CANNOT_TELL {
    const exact = this.#exact.get(path);
    let found = exact === undefined ? null : this.#first(exact, request, path);
    if (found === null && this.#hasParameters) found = this.#walk("ends", this.#root, 1, request, path);
    if (found === null && this.#hasRests) found = this.#walk("rests", this.#root, 1, request, path);
    if (found === null && this.#regexes.length > 0) found = this.#findRegex(request, path);
    if (found === null && this.#every.length > 0) found = this.#first(this.#every, request, path);
    return found;
  }

  /** `start` is where the next segment begins: behind a slash, or beyond the end when there is none left. */
  #walk(kind: "ends" | "rests", node: Node<Entry>, start: number, request: RouteRequest, path: string): Found<Entry> {
    if (start <= path.length) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 ? path.length : slash;
      const literal = node.literals?.get(path.slice(start, end));
      if (literal !== undefined) {
        const found = this.#walk(kind, literal, end + 1, request, path);
        if (found !== null) return found;
      }
      if (node.parameter !== null && end > start) {
        const found = this.#walk(kind, node.parameter, end + 1, request, path);
        if (found !== null) return found;
      }
      if (kind === "ends") return null;
    }
    return node[kind].length === 0 ? null : this.#first(node[kind], request, path);
  }

  #findRegex(request: RouteRequest, path: string): Found<Entry> {
    for (const { pattern, entry } of this.#regexes) {
      const matches = pattern.test(path);
      if (matches === false) continue;
      const verdict = entry.accepts(request, path, this.#reading);
      if (verdict === FAILS) continue;
      return matches === null || verdict === CANNOT_TELL ? CANNOT_TELL : entry;
    }
    return null;
  }

  #first(entries: readonly Entry[], request: RouteRequest, path: string): Found<Entry> {
    for (const entry of entries) {
      const verdict = entry.accepts(request, path, this.#reading);
      if (verdict !== FAILS) return verdict === HOLDS ? entry : CANNOT_TELL;
    }
    return null;
  }
}

type Found<Entry> = Entry | null | typeof CANNOT_TELL;

interface Node<Entry> {
  literals: Map<string, Node<Entry>> | null;
  parameter: Node<Entry> | null;
  readonly ends: Entry[];
  readonly rests: Entry[];
}

const KINDS: readonly CompiledPath["kind"][] = ["exact", "ends", "rests", "regex", "every"];
const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/;

function createNode<Entry>(): Node<Entry> {
  return { literals: null, parameter: null, ends: [], rests: [] };
}

function nodeAt<Entry>(root: Node<Entry>, segments: Segments): Node<Entry> {
  let node = root;
  for (const segment of segments) {
    if (segment === null) {
      node = node.parameter ??= createNode();
      continue;
    }
    node.literals ??= new Map();
    let next = node.literals.get(segment);
    if (next === undefined) {
      next = createNode();
      node.literals.set(segment, next);
    }
    node = next;
  }
  return node;
}

/** `pattern` is a path whose last segment may be `*`. */
function compileSegments(pattern: string, parameters: boolean): CompiledPath | { readonly problem: string } {
  const read = readConfiguredPath(pattern);
  if ("refused" in read) return { problem: `${JSON.stringify(pattern)} has ${read.refused}` };
  const literal = read.literal.split("/").slice(1);
  const rest = literal.at(-1) === "*";
  if (rest) literal.pop();
  const decoded = read.decoded.split("/").slice(1, rest ? -1 : undefined);
  if (literal.length === 0 && rest) return EVERY_PATH;
  const names = parameters ? literal.filter((segment) => segment.startsWith(":")).map((name) => name.slice(1)) : [];
  for (const name of names) {
    if (!PARAMETER.test(`:${name}`)) {
      return { problem: `":${name}" is no parameter name; use letters, digits and "_", beginning with a letter` };
    }
    if (names.indexOf(name) !== names.lastIndexOf(name)) return { problem: `the parameter ":${name}" occurs twice` };
  }
  if (literal.includes("*")) return { problem: `a "*" that is not the last segment; name the segment, such as ":any"` };
  if (rest) names.push("");
  const shape = (segments: readonly string[]) =>
    segments.map((segment) => (parameters && segment.startsWith(":") ? null : segment));
  return {
    kind: rest ? "rests" : "ends",
    names,
    segments: { literal: shape(literal), decoded: shape(decoded) },
  };
}

function segmentsMatch(segments: Segments, rest: boolean, path: string): boolean {
  const given = path.split("/").slice(1);
  if (rest ? given.length < segments.length : given.length !== segments.length) return false;
  return segments.every((segment, index) => (segment === null ? given[index] !== "" : segment === given[index]));
}
