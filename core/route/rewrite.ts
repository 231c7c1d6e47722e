/**
 * Path rewrites. What comes out is read again like a path from outside: it begins with one slash, and a dot
 * segment or anything else `http/path.ts` refuses makes the request be refused (N09, N10).
 */

import { hasDotSegments, isPlainPath, type PathReading, readConfiguredPath, readPath } from "../http/path.ts";
import { compilePattern } from "./pattern.ts";
import type { PathRewrite } from "./route.ts";
import {
  type Captured,
  compileTemplate,
  type Template,
  type TemplateScope,
  type VariableContext,
} from "./variables.ts";

/** The new request-target, with query; null when it may not be sent. */
export type Rewrite = (request: VariableContext, match: Captured, reading?: PathReading) => string | null;

export type CompiledRewrite =
  /** `template` is the one that may use what the route's path captured. */
  | { readonly rewrite: Rewrite; readonly template: Template | null }
  | { readonly key: string; readonly problem: string };

export function compileRewrite(definition: PathRewrite, scope: TemplateScope): CompiledRewrite {
  switch (definition.kind) {
    case "stripPrefix":
      return compileStrip(definition.prefix);
    case "replace": {
      const compiled = compileTarget(definition.to, scope);
      if ("problem" in compiled) return compiled;
      const { template } = compiled;
      const rewrite: Rewrite = (request, match, reading) => {
        if (request.path === "*") return "*";
        if (!request.pathIsPlain && "refused" in (reading ?? readPath(request.path))) return null;
        return finish(template.expand(request, match), request.query);
      };
      return { rewrite, template };
    }
    case "pattern":
      return compileReplacement(definition.regex, definition.to, scope);
  }
}

function compileStrip(configured: string): CompiledRewrite {
  const prefix = readConfiguredPath(configured.replace(/(?<=.)\/$/, ""));
  if ("refused" in prefix) return { key: "prefix", problem: `${JSON.stringify(configured)} has ${prefix.refused}` };
  const rewrite: Rewrite = (request, _match, reading) => {
    const { path, query } = request;
    if (path === "*" || prefix.literal === "/") return joinTarget(path, query);
    if (request.pathIsPlain) return joinTarget(stripped(path, prefix.literal) ?? path, query);
    const read = reading ?? readPath(path);
    if ("refused" in read) return null;
    // As received when the prefix is written the usual way, so that what is left stays byte for byte.
    const rest = stripped(read.forwarded, prefix.literal) ?? stripped(read.literal, prefix.literal);
    return rest === null ? joinTarget(read.forwarded, query) : finish(rest, query);
  };
  return { rewrite, template: null };
}

function compileReplacement(source: string, to: string, scope: TemplateScope): CompiledRewrite {
  const regex = compilePattern(source);
  if ("problem" in regex) return { key: "regex", problem: regex.problem };
  const { pattern } = regex;
  const compiled = compileTarget(to, { ...scope, captures: [pattern.groups] });
  if ("problem" in compiled) return compiled;
  const { template } = compiled;
  const rewrite: Rewrite = (request, _match, reading) => {
    const read = request.pathIsPlain ? null : (reading ?? readPath(request.path));
    if (read !== null && "refused" in read) return null;
    let query = request.query;
    const replaced = pattern.replaceFirst(read?.literal ?? request.path, (captures) => {
      const target = template.expand(request, { names: pattern.groups, captures });
      const mark = target.indexOf("?");
      if (mark >= 0) query = target.slice(mark + 1);
      return mark >= 0 ? target.slice(0, mark) : target;
    });
    return replaced === null ? joinTarget(read?.forwarded ?? request.path, query) : finish(replaced, query);
  };
  return { rewrite, template: null };
}

function compileTarget(
  to: string,
  scope: TemplateScope,
): { readonly template: Template } | { readonly key: string; readonly problem: string } {
  const compiled = compileTemplate(to, scope);
  if ("problem" in compiled) return { key: "to", problem: compiled.problem };
  if (!/^[/$]/.test(to)) return { key: "to", problem: `${JSON.stringify(to)} doesn't begin with "/"` };
  const { template } = compiled;
  if (template.isConstant && finish(template.expand(NO_REQUEST, NO_CAPTURES), "") === null) {
    return {
      key: "to",
      problem: `${JSON.stringify(to)} is no path that may be sent; it has a dot segment or a wrong escape`,
    };
  }
  return { template };
}

/** A constant asks for neither. */
const NO_REQUEST = Object.freeze({}) as VariableContext;
const NO_CAPTURES = Object.freeze({ names: [], captures: null });

/** `target` may bring its own query, also an empty one. */
function finish(target: string, query: string): string | null {
  const mark = target.indexOf("?");
  const path = (mark < 0 ? target : target.slice(0, mark)).replace(/^\/*/, "/");
  if (!isPlainPath(path) && (hasDotSegments(path) || "refused" in readPath(path))) return null;
  return joinTarget(path, mark < 0 ? query : target.slice(mark + 1));
}

function joinTarget(path: string, query: string): string {
  return query === "" ? path : `${path}?${query}`;
}

/** What follows the prefix, beginning with a slash; null when the path is not below it. */
function stripped(path: string, prefix: string): string | null {
  if (!path.startsWith(prefix)) return null;
  if (path.length === prefix.length) return "/";
  return path.charAt(prefix.length) === "/" ? path.slice(prefix.length) : null;
}
