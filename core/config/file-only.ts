/**
 * What only a file can say, because who reads files acts on it: a proxy of a program would go on without the routes of an
 * `include`, or sign its cookies with the text `${env:SECRET}`, and say nothing.
 */

import { isProgram } from "./hook-schema.ts";
import { type ConfigPath, type ConfigProblem, problemAt, problemAtKey } from "./problem.ts";

const REFERENCE = /(?<!\$)\$\{env:[^}]*\}/;

export function fileOnlyProblems(config: unknown): ConfigProblem[] {
  const problems = includeProblems(config);
  findReferences(config, [], new Set(), problems);
  return problems;
}

/** Variables may stand in what is looked at, as something will put in what they hold. */
export function includeProblems(config: unknown): ConfigProblem[] {
  if (!isPlain(config) || config["include"] === undefined) return [];
  const message = "names files, which only a configuration file can do; give what they hold";
  return [problemAtKey(["include"], message)];
}

function findReferences(value: unknown, path: ConfigPath, seen: Set<object>, problems: ConfigProblem[]): void {
  if (typeof value === "string") {
    const [reference] = REFERENCE.exec(value) ?? [];
    // Whatever a body says, it is the program's own text.
    if (reference === undefined || path.at(-1) === "body") return;
    const message = `${reference} is for configuration files; give the value, such as process.env["NAME"]`;
    problems.push(problemAt(path, message));
    return;
  }
  // Code is not looked into. What is there twice was seen, and what contains itself is refused elsewhere.
  if (!(isPlain(value) || Array.isArray(value)) || isProgram(value) || seen.has(value)) return;
  seen.add(value);
  for (const [key, item] of Object.entries(value))
    findReferences(item, [...path, Array.isArray(value) ? Number(key) : key], seen, problems);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
