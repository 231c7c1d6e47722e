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

/** Git's first mark. It says more than what a parser makes of it. */
const CONFLICT = /^<{7} /m;

const CONFLICTING =
  "is where a merge left two versions: keep one, and remove the lines of <<<<<<<, ======= and >>>>>>>";

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
      const conflictAt = text.search(CONFLICT);
      if (conflictAt >= 0) return { problems: [{ message: CONFLICTING, position: positionAt(conflictAt) }] };
      // What follows the first few is mostly their echo.
      const shown = problems.filter((problem, index) => problem.pos[0] !== problems[index - 1]?.pos[0]);
      return {
        problems: shown.slice(0, SYNTAX_PROBLEMS_MAX).map(({ message, pos }) => ({
          message: inOurWords(message),
          position: positionAt(NO_CLOSING_QUOTE.test(message) ? openingQuote(document, pos[0]) : pos[0]),
        })),
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

/** The parser notices at the end of the file, which tells nobody where to look. */
function openingQuote(document: Document, noticedAt: number): number {
  let at = noticedAt;
  visit(document, {
    Scalar(_, { type, range }) {
      if (type?.startsWith("QUOTE_") && range && range[1] === noticedAt) at = range[0];
    },
  });
  return at;
}

const NO_CLOSING_QUOTE = /^Missing closing .quote/;

/** What the parser says → what happened and what to do; `$1` is what the expression has in parentheses. */
const OUR_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Map keys must be unique.*/, "this key is there twice; keep one"],
  [/^With stringKeys.*/, "a key is text; what begins with { or [ and is text needs quotes, a template its values"],
  [/^Source contains multiple documents.*/, "holds several documents (---); write one per file"],
  [/^(Unresolved tag.*)/, "$1; tags (!name) mean nothing here"],
  [/^Missing closing .quote.*/, "the quote that ends this text is missing"],
  [/^Tabs are not allowed as indentation/, "is indented by a tab; use spaces"],
  [/^All mapping items must start at the same column/, "keys of one map are indented alike; this one is not"],
  [/^A block sequence may not be used as an implicit map key/, "items of one list are indented alike; this one is not"],
  [/^Sequence item without - indicator/, 'is indented like the items of the list above, but has no "- "'],
  [
    /^Implicit (?:map keys need to be followed by map values|keys need to be on a single line)/,
    'has no ":" behind the key',
  ],
  [/^Unexpected block-seq-ind on same line with key/, 'a list of "- " begins on a line of its own, below the key'],
  [
    /^Unexpected \S+ at node end/,
    "is too much: what stands before it is complete; a list needs brackets, and text with quotes in it quotes around all of it",
  ],
  [
    /^Nested mappings are not allowed in compact mappings/,
    'has a ":" too many: text with ": " in it needs quotes, or the next line is indented too far',
  ],
  [
    /^Block collections are not allowed within flow collections/,
    'has a ":" that is not expected inside { } or [ ]: a comma is missing, or the text needs quotes',
  ],
  [
    /^Flow (?:sequence|map) (?:in block collection )?must .*end with a (.)$/,
    'the "$1" that closes is missing, or stands further left than the key it belongs to',
  ],
  [/^Plain value cannot start with .*?(\S)$/, "text that begins with $1 needs quotes"],
  [
    /^Invalid escape sequence (.*)/,
    "$1 means nothing in double quotes; write the text in single quotes, or the backslash twice",
  ],
];

/** The parser's messages are for people who know its inside. */
function inOurWords(message: string): string {
  const line = message.replace(/\s+/g, " ");
  for (const [theirs, ours] of OUR_WORDS) if (theirs.test(line)) return line.replace(theirs, ours);
  return line;
}
