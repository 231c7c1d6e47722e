/** YAML or JSON text → its value, and where in the text each part of it stands. */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument as parseYaml,
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

/** Anchors are for the reader's comfort; this many uses of them are no attack yet. */
const ALIASES_MAX = 1_000;

export function parseDocument(text: string): ParsedDocument | { readonly problems: readonly SyntaxProblem[] } {
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
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
      return {
        problems: problems.map(({ message, pos }) => ({ message: inOurWords(message), position: positionAt(pos[0]) })),
      };
    }
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return { value, positionOf: (path, atKey) => positionOf(document.contents, path, atKey, positionAt) };
  } catch (error) {
    // yaml throws for too many aliases, and runs out of stack when lists are nested thousands deep.
    const message =
      error instanceof RangeError
        ? "is nested too deeply"
        : "uses too many aliases (*name), or ones that are not defined";
    return { problems: [{ message, position: { line: 1, column: 1 } }] };
  }
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
  return message.replace(/\s+/g, " ");
}
