/**
 * What may be written in a configuration, as TypeScript: `core/config/config-keys.ts`, made from the schema itself. Editors show
 * each key's words where it is made, compilers call its map by a name, and neither has to know how the schema is built.
 */

import * as v from "valibot";
import { ConfigSchema } from "../core/config/schema.ts";
import { RETRY_REASONS } from "../core/upstream/retry-policy.ts";
import { defaultOf, descriptionOf, isHook, type Schema, typeOf } from "./reference.ts";

const HEAD = `/**
 * Every key of a configuration. Which of them exclude each other stands in \`define.ts\`.
 * Made by \`npm run schema\` from \`schema.ts\`.
 */
`;
const LINE_MAX = 120;

/** Maps that several keys share, or whose path says too little. Others are called by their path. */
const NAMES: Readonly<Record<string, string>> = {
  "": "ConfigKeys",
  routes: "RouteKeys",
  "routes.match.path": "RegexConfig",
  "routes.request": "HeaderChangesConfig",
  "routes.hooks": "HooksConfig",
  "routes.target": "DecideHookConfig",
  "routes.target.fallback": "FallbackStatusConfig",
};
/** Keys of lists and tables, and what one of theirs is called. */
const SINGULAR: Readonly<Record<string, string>> = {
  listeners: "listener",
  upstreams: "upstream",
  servers: "server",
  routes: "route",
};
/** Of maps that may stand in the same place: what each must have. */
const FORMS = ["srv", "file", "upstream"];

interface Made {
  /** By what they hold: parts of the schema are wrapped anew wherever they are used. */
  readonly names: Map<Schema["entries"], string>;
  readonly interfaces: string[];
  readonly functions: Set<string>;
}

export function renderConfigKeys(): string {
  const made: Made = { names: new Map(), interfaces: [], functions: new Set() };
  nameOf(ConfigSchema as unknown as Schema, [], made);
  const functions = [...made.functions].sort().map((name) => `  ${name},\n`);
  const imports = `import type {\n${functions.join("")}} from "../script/hooks.ts";`;
  return `${HEAD}\n${imports}\n\n${made.interfaces.join("\n\n")}\n`;
}

/** Of a map with known keys, which is declared when it is met first: those that use it come before. */
function nameOf(map: Schema, path: readonly string[], made: Made): string {
  const entries = map.entries!;
  const known = made.names.get(entries);
  if (known !== undefined) return known;
  const taken = [...made.names.values()];
  const plain = NAMES[path.join(".")] ?? nameByPath(map, path);
  const form = FORMS.find((key) => entries[key] !== undefined && entries[key].type !== "optional") ?? "";
  const name = taken.includes(plain) ? plain.replace(/Config$/, `${inPascalCase(form)}Config`) : plain;
  if (taken.includes(name)) throw new Error(`two maps would be called ${name}: see NAMES and FORMS`);
  made.names.set(entries, name);
  const at = made.interfaces.push("") - 1;
  const members = Object.entries(entries).map(([key, entry]) => memberOf(key, entry, [...path, key], made));
  const place = path.length === 0 ? "the top level" : `\`${path.join(".")}\``;
  made.interfaces[at] = `/** What may stand at ${place}. */\nexport interface ${name} {\n${members.join("\n")}\n}`;
  return name;
}

function nameByPath(map: Schema, path: readonly string[]): string {
  if (isHook(map)) return `${inPascalCase(path.at(-1)!)}HookConfig`;
  // What only upstreams have needs no word for them.
  const own = path[0] === "upstreams" && path.length > 1 && path[1] !== "timeouts" ? path.slice(1) : path;
  return `${own.map(inPascalCase).join("")}Config`;
}

function memberOf(key: string, entry: Schema, path: readonly string[], made: Made): string {
  const isOptional = entry.type === "optional";
  const types = new Set(formsOf(entry, path, made));
  if (isOptional) types.add("undefined");
  const start = `  ${key}${isOptional ? "?" : ""}:`;
  const line = `${start} ${[...types].join(" | ")};`;
  const text = line.length <= LINE_MAX ? line : `${start}${[...types].map((type) => `\n    | ${type}`).join("")};`;
  return `${commentOf(entry)}${text}`;
}

function commentOf(entry: Schema): string {
  const { unit } = v.getMetadata((entry.wrapped ?? entry) as never) as { unit?: string };
  const hasUnit = unit !== undefined && unit !== "boolean" && unit !== "function" && unit !== "reason";
  const standard = entry.type === "optional" ? defaultOf(entry) : "";
  const facts = [hasUnit ? typeOf(entry) : "", standard === "" ? "" : `default ${standard}`].filter((it) => it !== "");
  const lines = [descriptionOf(entry), facts.length === 0 ? "" : `(${facts.join("; ")})`].filter((it) => it !== "");
  if (lines.length === 0) return "";
  const text = lines.join(" ");
  if (text.includes("*/")) throw new Error(`a description would end its comment: ${text}`);
  if (text.length <= LINE_MAX - "  /**  */".length) return `  /** ${text} */\n`;
  return ["  /**", ...broken(text).map((line) => `   * ${line}`), "   */", ""].join("\n");
}

function broken(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length > LINE_MAX - "   * ".length) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines;
}

/** What may stand for a value, each form by itself. */
function formsOf(schema: Schema, path: readonly string[], made: Made): string[] {
  const { unit, functionType } = v.getMetadata(schema as never) as { unit?: string; functionType?: string };
  if (unit === "function") {
    if (functionType === undefined) throw new Error(`${path.join(".")}: a function without a type`);
    const isName = /^\w+$/.test(functionType);
    if (isName) made.functions.add(functionType);
    return [isName ? functionType : `(${functionType})`];
  }
  if (unit === "status" || unit === "decimal") return ["number", "string"];
  if (unit === "reason") return [...RETRY_REASONS.map((word) => JSON.stringify(word)), "number"];
  if (schema.entries !== undefined) return [nameOf(schema, path, made)];
  switch (schema.type) {
    case "optional":
      return formsOf(schema.wrapped!, path, made);
    case "union":
      return (schema.options as readonly Schema[]).flatMap((option) => formsOf(option, path, made));
    case "array":
      return [`readonly ${inBrackets(formsOf(schema.item!, path, made))}[]`];
    case "record":
      return [`Record<string, ${formsOf(schema.value!, path, made).join(" | ")}>`];
    case "picklist":
      return (schema.options as readonly string[]).map((word) => JSON.stringify(word));
    case "literal":
      return [JSON.stringify(schema.literal)];
    case "string":
    case "number":
    case "boolean":
      return [schema.type];
    default:
      throw new Error(`${path.join(".")}: teach schema/made-types.ts what ${schema.type} is in TypeScript`);
  }
}

function inBrackets(forms: readonly string[]): string {
  return forms.length === 1 ? forms[0]! : `(${forms.join(" | ")})`;
}

function inPascalCase(key: string): string {
  const one = SINGULAR[key] ?? key;
  return `${one.slice(0, 1).toUpperCase()}${one.slice(1)}`;
}
