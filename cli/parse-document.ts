/** YAML or JSON text → its value, and where in the text each part of it stands. */

import process from "node:process";
import {
  CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument as parseYaml,
  visit,
} from "yaml";
import type { ConfigPath } from "../core/config/problem.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ParsedDocument {
  readonly value: unknown;
  /** The part, or else the nearest thing around it; `atKey` asks for its key. Null for an empty document. */
  positionOf(path: ConfigPath, atKey: boolean): Position | null;
}

export interface SyntaxProblem {
  readonly message: string;
  readonly position: Position;
}

const SYNTAX_PROBLEMS_MAX = 5;

/** Spaces before a line count as levels, too. */
const DEPTH_MAX = 256;

const MARKS: readonly string[] = [CST.DOCUMENT, CST.FLOW_END, CST.SCALAR];

const TOO_DEEP = "is nested too deeply";

const TOO_MANY_ALIASES = "aliases (*name) of aliases make it too large; write the parts out";

/** Anchors are for the reader's comfort; this many uses of them are no attack yet. */
const ALIASES_MAX = 1_000;

export function parseDocument(text: string): ParsedDocument | { readonly problems: readonly SyntaxProblem[] } {
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const deep = tooDeepAt(text);
  if (deep !== null) return { problems: [{ message: TOO_DEEP, position: deep }] };
  try {
    const document = parseYaml(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      stringKeys: true,
      merge: false,
    });
    const problems = [...document.errors, ...document.warnings];
    if (problems.length > 0) {
      // What follows the first few is mostly their echo.
      const shown = problems.filter((problem, index) => problem.pos[0] !== problems[index - 1]?.pos[0]);
      return {
        problems: shown
          .slice(0, SYNTAX_PROBLEMS_MAX)
          .map(({ message, pos }) => ({ message: inOurWords(message), position: positionAt(pos[0]) })),
      };
    }
    const aliases = aliasProblems(document, positionAt);
    if (aliases.length > 0) return { problems: aliases };
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return { value, positionOf: (path, atKey) => positionOf(document.contents, path, atKey, positionAt) };
  } catch (error) {
    // What yaml throws when aliases multiply what they stand for.
    if (error instanceof ReferenceError)
      return { problems: [{ message: TOO_MANY_ALIASES, position: { line: 1, column: 1 } }] };
    throw error;
  }
}

/** yaml looks at two variables of its own; Deno throws when it may not. */
export function lackingPermission(): string | null {
  try {
    void process.env["LOG_TOKENS"];
    void process.env["LOG_STREAM"];
    return null;
  } catch {
    return "cannot be read: YAML and JSON need the permission --allow-env=LOG_STREAM,LOG_TOKENS";
  }
}

/**
 * Where the text is nested deeper than any configuration. Looked for before it is parsed: the parser calls itself
 * for every level, and a regular expression met at the end of the stack ends the whole process on V8.
 */
function tooDeepAt(text: string): Position | null {
  let line = 1;
  let lineStart = 0;
  let offset = 0;
  // `[[[` nest, and so do indentation and `- - -` at the beginning of a line.
  let flowDepth = 0;
  let blockDepth = 0;
  let isContent = false;
  for (const lexeme of new Lexer().lex(text)) {
    // The lexer's own marks are not in the text.
    if (MARKS.includes(lexeme)) {
      isContent = lexeme === CST.SCALAR;
      continue;
    }
    const type = isContent ? "content" : CST.tokenType(lexeme);
    isContent = false;
    if (type === "flow-seq-start" || type === "flow-map-start") flowDepth++;
    else if (type === "flow-seq-end" || type === "flow-map-end") flowDepth--;
    else if (type === "seq-item-ind" || type === "explicit-key-ind") blockDepth++;
    else if (type === "space" && offset === lineStart) blockDepth = lexeme.length;
    if (flowDepth + blockDepth > DEPTH_MAX) return { line, column: offset - lineStart + 1 };
    offset += lexeme.length;
    const lineEnd = lexeme.lastIndexOf("\n");
    if (lineEnd < 0) continue;
    line += lexeme.split("\n").length - 1;
    lineStart = offset - (lexeme.length - lineEnd - 1);
    blockDepth = 0;
  }
  return null;
}

function aliasProblems(document: Document, positionAt: (offset: number) => Position): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `no anchor &${alias.source} stands before this alias; text that begins with * needs quotes`;
      problems.push({ message, position: positionAt(alias.range?.[0] ?? 0) });
    },
  });
  return problems;
}

function positionOf(
  root: ParsedNode | null,
  path: ConfigPath,
  atKey: boolean,
  positionAt: (offset: number) => Position,
): Position | null {
  let node: Node | null = root;
  let offset = root?.range?.[0];
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      const value = pair.value as Node | null;
      const wanted = last && atKey ? (pair.key as Node) : value;
      // `listeners:` with nothing after it: its value would stand on a later line.
      const empty = isScalar(value) && value.value === null && value.source === "";
      offset = (empty || wanted === null ? (pair.key as Node) : wanted).range?.[0] ?? offset;
      node = value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(key)];
      // One value where a list may stand: `host: a` was read as `host: [a]`.
      if (item === undefined) break;
      node = item as Node;
      offset = node.range?.[0] ?? offset;
    }
    // What an alias stands for is written elsewhere; its use is what the path means.
    if (isAlias(node)) break;
  }
  return offset === undefined ? null : positionAt(offset);
}

/** The parser's messages are for people who know its inside. */
function inOurWords(message: string): string {
  if (message.startsWith("Map keys must be unique")) return "this key is there twice; keep one";
  if (message.startsWith("Source contains multiple documents"))
    return "holds several documents (---); write one per file";
  if (message.startsWith("Unresolved tag")) return `${message}; tags (!name) mean nothing here`;
  if (/^Missing closing .quote/.test(message)) return "the quote that ends this text is missing";
  return message.replace(/\s+/g, " ");
}
