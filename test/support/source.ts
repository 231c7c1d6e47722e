// Just enough reading of TypeScript for rules about text: comments and strings blanked, imports listed, functions
// measured. It works on the formatter's output and is no parser; where it is in doubt it stays silent.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { projectRoot } from "./runtime-command.ts";

export interface Source {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the contents of strings, templates and regular expressions blanked; same length. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** A path from the project's root for a file, else the package or `node:` name. */
  readonly target: string;
  readonly isFile: boolean;
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Every TypeScript file below a folder of the project; none when the folder isn't there. */
export function sourcesBelow(folder: string): Source[] {
  let names: string[];
  try {
    names = readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
  const paths = names.map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
  const wanted = paths.filter((path) => path.endsWith(".ts") && !path.includes("node_modules"));
  return wanted.sort().map((path) => readSource(path, readFileSync(join(projectRoot, path), "utf8")));
}

export function readSource(path: string, text: string): Source {
  const code = blank(text);
  return { path, text, code, imports: importsIn(path, text, code) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Nothing in the file exists at run time: only types are declared. */
export function isTypesOnly(source: Source): boolean {
  return !/^\s*(?:export\s+)?(?:default\s+)?(?:const|let|var|async|function|class)\b/m.test(source.code);
}

// ---- comments and strings

const regexMayFollow = /(?:^|[=([{,;:!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|throw|yield|await))\s*$/;
const regexLiteral = /\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const plainRun = /[^"'`/{}]+/y;
const comment = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const quoted = /"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?/y;
const templatePart = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;

function blank(text: string): string {
  const out: string[] = [];
  // One entry per open brace: true where it opened a `${` of a template, whose end resumes the template.
  const braces: boolean[] = [];
  let at = 0;
  let code = "";
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const keep = (piece: string): void => {
    out.push(piece);
    code = piece.trim() === "" ? code : piece;
  };
  const template = (): void => {
    out.push(spaces(take(templatePart)));
    const opens = text.startsWith("${", at);
    keep(text.slice(at, at + (opens ? 2 : 1)));
    at += opens ? 2 : 1;
    if (opens) braces.push(true);
  };
  while (at < text.length) {
    const char = text[at];
    if (char === '"' || char === "'") {
      const found = take(quoted);
      keep(found.length < 2 ? found : `${char}${spaces(found.slice(1, -1))}${char}`);
    } else if (char === "`") {
      at++;
      keep("`");
      template();
    } else if (char === "/") {
      const found = take(comment) || (regexMayFollow.test(code) ? take(regexLiteral) : "");
      if (found.startsWith("//") || found.startsWith("/*")) out.push(spaces(found));
      else if (found !== "") keep(`/${spaces(found.slice(1, -1))}/`);
      else keep(text[at++] ?? "");
    } else if (char === "{" || char === "}") {
      at++;
      keep(char);
      if (char === "{") braces.push(false);
      else if (braces.pop() === true) template();
    } else keep(take(plainRun));
  }
  return out.join("");
}

function spaces(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

// ---- imports

function importsIn(path: string, text: string, code: string): Import[] {
  const imports: Import[] = [];
  const statement = /^[ \t]*(import|export)\b(\s+type\b)?([^;"'`]*?\bfrom\b)?\s*(["'])|\bimport\(\s*(["'`])/gm;
  for (const match of code.matchAll(statement)) {
    const quote = match[4] ?? match[5] ?? '"';
    if (match[1] === "export" && match[3] === undefined) continue;
    const start = match.index + match[0].length;
    const name = text.slice(start, code.indexOf(quote, start));
    const isFile = name.startsWith(".");
    const target = isFile ? join(dirname(path), name) : name;
    const line = lineAt(text, match.index + (match[0].length - match[0].trimStart().length));
    imports.push({ target, isFile, typeOnly: match[2] !== undefined, line });
  }
  return imports;
}

// ---- functions

const notMethods = new Set(["if", "for", "while", "switch", "catch", "with", "return", "do", "else", "new", "super"]);

/** Function declarations, methods, and arrow functions with a body. */
export function functionsIn(source: Source): FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  const open: number[] = [];
  for (let at = 0; at < source.code.length; at++) {
    if (source.code[at] === "{") open.push(at);
    if (source.code[at] !== "}") continue;
    const start = open.pop();
    if (start === undefined) continue;
    const name = functionBefore(source.code.slice(Math.max(0, start - 600), start));
    if (name === null) continue;
    const line = lineAt(source.text, start);
    spans.push({ name, line, lines: lineAt(source.text, at) - line + 1 });
  }
  return spans.sort((a, b) => a.line - b.line);
}

/** The name of the function whose body comes next, or null when what comes is another kind of block. */
function functionBefore(before: string): string | null {
  const declared = /\bfunction\s*\*?\s*([\w$]*)\s*(?:<[^{}]*>)?\([^{};]*$/.exec(before);
  if (declared !== null) return declared[1] || "anonymous function";
  if (/=>\s*$/.test(before)) return /\b(?:const|let)\s+([\w$]+)[^;{}]*$/.exec(before)?.[1] ?? "arrow function";
  const method =
    /(?:^|[\n;{},])[ \t]*(?:(?:static|async|get|set|override|public|private|protected)\s+)*\*?(#?[\w$]+)\s*(?:<[^{}()]*>)?\(([^{};]*)\)\s*(?::[^{};=]+)?\s*$/.exec(
      before,
    );
  const name = method?.[1];
  return name === undefined || notMethods.has(name) ? null : name;
}
