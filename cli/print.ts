/** How things look on a terminal: tables, and problems with the place they come from. */

import { escapeInvisible } from "../core/observe/escape.ts";
import type { LocatedProblem } from "./load-config.ts";

/** More than this nobody reads at once. */
const PROBLEMS_SHOWN_MAX = 50;

/** `file:line:column: path: what is wrong, what would be right`. */
export function printProblem({ file, position, path, message }: LocatedProblem): string {
  const place = position === null ? plain(file) : `${plain(file)}:${position.line}:${position.column}`;
  return path === "" ? `${place}: ${plain(message)}` : `${place}: ${plain(path)}: ${plain(message)}`;
}

export function printProblems(problems: readonly LocatedProblem[]): string[] {
  return printFirst(problems, printProblem, "more");
}

export function printWarnings(warnings: readonly LocatedProblem[]): string[] {
  return printFirst(warnings, (warning) => `${printProblem(warning)} (warning)`, "more warnings");
}

export function printFirst<T>(all: readonly T[], print: (each: T) => string, others: string): string[] {
  const lines = all.slice(0, PROBLEMS_SHOWN_MAX).map(print);
  if (all.length > lines.length) lines.push(`… and ${all.length - lines.length} ${others}`);
  return lines;
}

/** Columns as wide as their widest cell, two spaces apart; the last one is not filled up. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [heading, ...rows.map((row) => row.map((cell) => plain(cell)))];
  const widths = heading.map((_, column) => cells.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return cells.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Whatever a file holds, no control character of it reaches the terminal. */
function plain(text: string): string {
  return escapeInvisible(text.replace(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1)));
}
