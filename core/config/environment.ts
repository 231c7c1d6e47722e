/**
 * `${env:NAME}` and `${env:NAME:-default}` in the texts of a configuration. It happens after the file was
 * parsed and its result is not looked at again: whatever a variable holds, it stays one piece of text (M10).
 */

import { isOpaque } from "../script/describe-value.ts";
import { isProgram } from "./hook-schema.ts";
import { type ConfigPath, type ConfigProblem, formatPath, problemAt, quote } from "./problem.ts";

/** `$${env:NAME}` stays as `${env:NAME}`. */
const REFERENCE = /\$?\$\{env:([^}]*)\}/g;
/** In a template (`route/variables.ts`) every `$$` is a dollar, and stays `$$` for the template to read. */
const TEMPLATE_REFERENCE = /\$\$|\$\{env:([^}]*)\}/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
/** YAML aliases can make a small file large; a configuration is never this deep. */
const DEPTH_MAX = 64;

export type Environment = (name: string) => string | undefined;

export interface Substituted {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
}

export function substituteEnvironment(config: unknown, environment: Environment): Substituted {
  const problems: ConfigProblem[] = [];
  return { value: substitute(config, { path: [], around: [] }, environment, problems), problems };
}

/** Where a value stands, and what it stands in, outermost first. */
interface Spot {
  readonly path: ConfigPath;
  readonly around: readonly object[];
}

function substitute(value: unknown, spot: Spot, environment: Environment, problems: ConfigProblem[]): unknown {
  const { path, around } = spot;
  if (typeof value === "string") return value.includes("${env:") ? replace(value, path, environment, problems) : value;
  // A program to be mounted is no configuration: it stays what it is, with its state, whatever it holds. What can't be
  // looked into stays, too: the schema refuses it.
  if (typeof value !== "object" || value === null || isProgram(value) || isOpaque(value)) return value;
  const again = around.indexOf(value);
  if (again >= 0 || path.length > DEPTH_MAX) {
    problems.push(problemAt(path, again < 0 ? `is nested more than ${DEPTH_MAX} deep` : circle(path.slice(0, again))));
    return null;
  }
  const inside = (key: string | number): Spot => ({ path: [...path, key], around: [...around, value] });
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, inside(index), environment, problems));
  // fromEntries defines `__proto__` as a key like any other, so that it is found to be unknown.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substitute(item, inside(key), environment, problems)]),
  );
}

function circle(path: ConfigPath): string {
  const what = path.length === 0 ? "the whole configuration" : formatPath(path);
  return `contains itself: it is ${what} again; write here what is meant`;
}

function replace(text: string, path: ConfigPath, environment: Environment, problems: ConfigProblem[]): string {
  const template = isTemplate(path);
  return text.replace(template ? TEMPLATE_REFERENCE : REFERENCE, (reference: string, inner: string) => {
    if (reference.startsWith("$$")) return template ? reference : reference.slice(1);
    const found = lookUp(inner, environment);
    if (typeof found !== "string") problems.push(problemAt(path, `${quote(reference)}: ${found.problem}`));
    else return template ? found.replaceAll("$", "$$$$") : found;
    return "";
  });
}

/** As `sh` does with `:-`, an empty variable takes the default, too. */
function lookUp(inner: string, environment: Environment): string | { problem: string } {
  const parts = NAME.exec(inner);
  if (parts === null) return { problem: "no variable; write ${env:NAME} or ${env:NAME:-default}" };
  const [, name = "", otherwise] = parts;
  const found = environment(name);
  if (otherwise !== undefined) return found === undefined || found === "" ? otherwise : found;
  if (found !== undefined) return found;
  return { problem: `the environment variable ${name} is not set; set it, or write \${env:${name}:-default}` };
}

/** Where `$1` and `${…}` mean something: a dollar that came from the environment must not. */
function isTemplate([root, , key, inner, innermost]: ConfigPath): boolean {
  if (root !== "routes") return false;
  if (key === "host") return inner === undefined;
  if (key === "request" || key === "response") return inner === "set" || inner === "add";
  if (key === "redirect") return inner === "to";
  return key === "rewrite" && (inner === "path" || (inner === "pattern" && innermost === "to"));
}
