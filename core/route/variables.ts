/**
 * Templates of the configuration: text with `${client.address}`, `${path.id}`, `$1`; `$$` is a dollar. Compiled
 * once; what a variable brings is made harmless for the place it is written to, so that no request can add a
 * line to a head, a parameter to a query, or a segment to a path (N10, J06).
 */

import {
  CLOSING_BRACKET,
  COLON,
  DEL,
  FIELD_VALUE,
  isAllOf,
  OPENING_BRACKET,
  PATH,
  PERCENT,
  SLASH,
  SP,
  TOKEN,
  UNRESERVED,
} from "../bytes/ascii.ts";
import { cookieValue } from "../http/cookie.ts";
import { escapeByte, hexPairAt, normalisePath } from "../http/path.ts";
import { queryParameter } from "./query.ts";
import type { RouteRequest } from "./route.ts";

/** What variables may ask of a request. */
export interface VariableContext extends RouteRequest {
  readonly clientPort: number;
  /** `http` or `https`, as the client came. */
  readonly scheme: string;
  readonly requestId: string;
  /** `""` before a server is chosen. */
  readonly upstreamAddress: string;
}

/** Where the text is written: a field value, the request-target, a `Location`, the host sent upstream. */
export type TemplatePlace = "field" | "target" | "location" | "host";

export interface TemplateScope {
  readonly place: TemplatePlace;
  readonly routeId: string;
  /** `""` when the route has none. */
  readonly upstreamName: string;
  /** Names of the captures of each path the request may have met. */
  readonly captures: readonly (readonly string[])[];
}

export interface Template {
  readonly isConstant: boolean;
  readonly usesCaptures: boolean;
  /** Latin1 text that may be written as it is; what can't be written comes out empty. */
  expand(request: VariableContext, match: Captured): string;
}

/** What the route's path captured. */
export interface Captured {
  /** Names of the captures, `""` for one without. */
  readonly names: readonly string[];
  /** Escaped as in the path; null when the route doesn't use them. */
  readonly captures: readonly string[] | null;
}

/** Every variable but `$1` and those that end in a name of the user's. */
export const VARIABLE_NAMES = [
  "client.address",
  "client.port",
  "listener.name",
  "request.host",
  "request.id",
  "request.method",
  "request.path",
  "request.query",
  "request.scheme",
  "route.id",
  "upstream.address",
  "upstream.name",
] as const;

/** Each followed by a name: `${request.header.user-agent}`. */
const VARIABLE_FAMILIES = ["path", "request.cookie", "request.header", "request.query"] as const;

export function compileTemplate(
  text: string,
  scope: TemplateScope,
): { readonly template: Template } | { readonly problem: string } {
  const parts: Part[] = [];
  let inQuery = false;
  let start = 0;
  for (const found of text.matchAll(REFERENCE)) {
    const constant = compileConstant(text.slice(start, found.index), scope.place);
    if ("problem" in constant) return constant;
    parts.push(constant.text);
    inQuery ||= constant.text.includes("?");
    start = found.index + found[0].length;
    const part = compileReference(found[0], scope, inQuery);
    if (typeof part === "object") return part;
    parts.push(part);
  }
  const last = compileConstant(text.slice(start), scope.place);
  if ("problem" in last) return last;
  parts.push(last.text);
  const usesCaptures = [...text.matchAll(REFERENCE)].some(([reference]) =>
    /^\$(?:[1-9]|\{(?:path\.|[1-9]))/.test(reference),
  );
  return { template: createTemplate(mergeConstants(parts), scope.place, usesCaptures) };
}

type Evaluate = (request: VariableContext, match: Captured) => string;
type Part = string | Evaluate;

/** What a value is made of: decides what has to be escaped where. */
type ValueKind = "plain" | "path" | "query" | "authority";

interface Variable {
  readonly kind: ValueKind;
  readonly evaluate: Evaluate;
}

/** `$$`, `$1`, `${…}`, or a dollar that is none of them. */
const REFERENCE = /\$(?:\$|[1-9]|\{[^}]*\}|)/g;

const VARIABLES: Readonly<Record<Exclude<(typeof VARIABLE_NAMES)[number], "route.id" | "upstream.name">, Variable>> = {
  "client.address": { kind: "plain", evaluate: (request) => request.clientAddress },
  "client.port": { kind: "plain", evaluate: (request) => String(request.clientPort) },
  "listener.name": { kind: "plain", evaluate: (request) => request.listener },
  "request.host": { kind: "authority", evaluate: (request) => request.host },
  "request.id": { kind: "plain", evaluate: (request) => request.requestId },
  "request.method": { kind: "plain", evaluate: (request) => request.method },
  // Without dot segments, which a rewrite would have to refuse.
  "request.path": { kind: "path", evaluate: ({ path, pathIsPlain }) => (pathIsPlain ? path : normalisePath(path)) },
  "request.query": { kind: "query", evaluate: (request) => request.query },
  "request.scheme": { kind: "authority", evaluate: (request) => request.scheme },
  "upstream.address": { kind: "plain", evaluate: (request) => request.upstreamAddress },
};

function compileReference(reference: string, scope: TemplateScope, inQuery: boolean): Part | { problem: string } {
  if (reference === "$$") return "$";
  if (reference === "$") return { problem: `has a single "$"; write "$$" for a dollar, or "\${…}" for a variable` };
  const name = reference.startsWith("${") ? reference.slice(2, -1) : reference.slice(1);
  const constant = name === "route.id" ? scope.routeId : name === "upstream.name" ? scope.upstreamName : null;
  if (constant !== null && constant !== "") {
    const compiled = compileConstant(scope.place === "field" ? constant : encodeURIComponent(constant), scope.place);
    return "problem" in compiled ? { problem: `\${${name}} ${compiled.problem}` } : compiled.text;
  }
  const problem = scopeProblem(name, scope);
  if (problem !== null) return { problem };
  const variable = findVariable(name);
  if (variable === null) return { problem: unknownVariable(name) };
  const make = encoderOf(scope.place, inQuery, variable.kind);
  return (request, match) => make(variable.evaluate(request, match));
}

/** Variables that exist, but not here. */
function scopeProblem(name: string, { place, upstreamName, captures }: TemplateScope): string | null {
  if (name.startsWith("upstream.") && upstreamName === "")
    return `\${${name}} is not known in a route without an upstream`;
  if (name === "upstream.address" && place !== "field") {
    return `\${${name}} is known only in fields: the server is chosen after the target is written`;
  }
  if (/^[1-9][0-9]?$/.test(name)) {
    const fewest = Math.min(...captures.map((names) => names.length));
    if (fewest >= Number(name)) return null;
    return `$${name} is not captured by every path of the route; use a parameter such as "/users/:id", a "*", or a group "(…)"`;
  }
  if (!name.startsWith("path.")) return null;
  const wanted = name.slice("path.".length);
  if (wanted !== "" && captures.every((names) => names.includes(wanted))) return null;
  const known = [...new Set(captures.flat())].filter((one) => one !== "").map((one) => `\${path.${one}}`);
  return `\${${name}} is not in every path of the route${known.length > 0 ? `; there is ${known.join(", ")}` : ""}`;
}

function findVariable(name: string): Variable | null {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name as keyof typeof VARIABLES];
  if (/^[1-9][0-9]?$/.test(name)) {
    const index = Number(name) - 1;
    return { kind: "path", evaluate: (_, match) => match.captures?.[index] ?? "" };
  }
  const family = VARIABLE_FAMILIES.find((one) => name.startsWith(`${one}.`));
  const member = family === undefined ? "" : name.slice(family.length + 1);
  if (member === "") return null;
  switch (family) {
    case "path":
      return { kind: "path", evaluate: (_, match) => match.captures?.[match.names.indexOf(member)] ?? "" };
    case "request.header": {
      const lower = member.toLowerCase();
      return isAllOf(TOKEN, member) ? { kind: "plain", evaluate: (request) => request.header(lower) ?? "" } : null;
    }
    case "request.cookie":
      return isAllOf(TOKEN, member)
        ? { kind: "plain", evaluate: (request) => cookieValue(request.header("cookie"), member) ?? "" }
        : null;
    default:
      return { kind: "plain", evaluate: (request) => queryParameter(request.query, member) ?? "" };
  }
}

function unknownVariable(name: string): string {
  const room = name.split(".")[0] ?? "";
  const families = VARIABLE_FAMILIES.map((family) => `${family}.NAME`);
  const known = [...VARIABLE_NAMES, ...families];
  const near = known.filter((one) => one.startsWith(`${room}.`) || one.endsWith(`.${name.split(".").at(-1)}`));
  return `\${${name}} is no variable; there is ${(near.length > 0 ? near : known).map((one) => `\${${one}}`).join(", ")}`;
}

/** Text as written in the configuration; other scripts are escaped in URLs and refused elsewhere. */
function compileConstant(text: string, place: TemplatePlace): { readonly text: string } | { readonly problem: string } {
  if (place === "field") {
    for (const character of text) {
      if (character.codePointAt(0)! > 0xff || FIELD_VALUE[character.codePointAt(0)!] !== 1) {
        return { problem: `has ${describe(character)}, which cannot be written in a field` };
      }
    }
    return { text };
  }
  if (place === "host") {
    const wrong = [...text].find((character) => !isAuthorityCharacter(character.codePointAt(0)!));
    return wrong === undefined ? { text } : { problem: `has ${describe(wrong)}, which cannot stand in a host` };
  }
  if (place === "target" && text.includes("#")) return { problem: 'has a "#": fragments are not sent to servers' };
  const wrong = [...text].find((character) => character < " " || character === "\x7f" || character === "\\");
  if (wrong !== undefined) return { problem: `has ${describe(wrong)}, which cannot stand in a URL` };
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    encoded += byte > SP && byte < DEL && !UNSAFE_IN_URL.includes(byte) ? String.fromCharCode(byte) : escapeByte(byte);
  }
  return { text: encoded };
}

/** Quotes, angle brackets, braces and the backtick (RFC 3986 appendix C). */
const UNSAFE_IN_URL: readonly number[] = [0x22, 0x3c, 0x3e, 0x60, 0x7b, 0x7d];

function describe(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return /^[\x20-\x7e]$/.test(character) ? JSON.stringify(character) : `the character U+${code}`;
}

function encoderOf(place: TemplatePlace, inQuery: boolean, kind: ValueKind): (value: string) => string {
  if (place === "field") return (value) => (isAllOf(FIELD_VALUE, value) ? value : "");
  if (place === "host") return (value) => (isAuthority(value) ? value : "");
  if (kind === "authority" && place === "location" && !inQuery) return (value) => (isAuthority(value) ? value : "");
  if (kind === "query" && inQuery) return (value) => value;
  if (kind === "path") return inQuery ? escapePathForQuery : escapePath;
  return escapeComponent;
}

/** Escapes of the value stay; what may not stand in a path is escaped. */
function escapePath(value: string): string {
  return isAllOf(PATH, value) ? value : escapeUnless(value, (code) => PATH[code] === 1);
}

/** As `escapePath`, but `&` and `=`, which are data in a path, can't begin another parameter. */
function escapePathForQuery(value: string): string {
  return escapeUnless(
    value,
    (code, index) => UNRESERVED[code] === 1 || code === SLASH || (code === PERCENT && hexPairAt(value, index + 1) >= 0),
  );
}

function escapeComponent(value: string): string {
  return escapeUnless(value, (code) => UNRESERVED[code] === 1);
}

function escapeUnless(value: string, keep: (code: number, index: number) => boolean): string {
  let text = "";
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    // Text from a configuration, such as a listener's name; everything else is bytes.
    if (code > 0xff) return "";
    text += keep(code, index) ? value.charAt(index) : escapeByte(code);
  }
  return text;
}

function createTemplate(parts: readonly Part[], place: TemplatePlace, usesCaptures: boolean): Template {
  const first = parts[0] ?? "";
  if (parts.every((part) => typeof part === "string")) {
    const constant = parts.join("");
    return { isConstant: true, usesCaptures, expand: () => constant };
  }
  const joined: Evaluate = (request, match) => {
    let text = "";
    for (const part of parts) text += typeof part === "string" ? part : part(request, match);
    return text;
  };
  if (place === "host")
    return { isConstant: false, usesCaptures, expand: (request, match) => joinAll(parts, request, match) };
  if (place !== "location") return { isConstant: false, usesCaptures, expand: joined };
  // A path that begins with two slashes would name another site, if the template doesn't.
  const namesSite = typeof first === "string" && /^\/\/|^[^/?#]/.test(first);
  return {
    isConstant: false,
    usesCaptures,
    expand: (request, match) => {
      const text = joined(request, match).replace(/\?$/, "");
      return namesSite ? text : text.replace(/^\/{2,}/, "/");
    },
  };
}

/** Empty when any variable is: half a host is another host. */
function joinAll(parts: readonly Part[], request: VariableContext, match: Captured): string {
  let text = "";
  for (const part of parts) {
    const value = typeof part === "string" ? part : part(request, match);
    if (value === "") return "";
    text += value;
  }
  return text;
}

function mergeConstants(parts: readonly Part[]): Part[] {
  const merged: Part[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part === "") continue;
    if (typeof part === "string" && typeof last === "string") merged[merged.length - 1] = last + part;
    else merged.push(part);
  }
  return merged;
}

function isAuthority(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (!isAuthorityCharacter(text.charCodeAt(index))) return false;
  return true;
}

function isAuthorityCharacter(code: number): boolean {
  return UNRESERVED[code] === 1 || code === COLON || code === OPENING_BRACKET || code === CLOSING_BRACKET;
}
