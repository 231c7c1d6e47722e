/**
 * What may be written in a configuration, as TypeScript: `core/config/config.ts`, made from the schema itself. Editors
 * show each key's words where it is written, compilers call its map by a name, and neither has to infer types from the schema.
 */

import * as v from "valibot";
import { ACTIONS, PATH_CHANGES } from "../core/config/cross-checks.ts";
import { ConfigSchema } from "../core/config/schema.ts";
import { RETRY_REASONS } from "../core/upstream/retry-policy.ts";
import { defaultOf, descriptionOf, isHook, type Schema, typeOf } from "./reference.ts";

const HEAD = `/**
 * What may be written in a configuration, an interface for each map. Made by \`npm run schema\` from \`schema.ts\`: one
 * file, however long, for nobody writes in it and editors lead to the key.
 */
`;
const LINE_MAX = 120;

/** Maps that several keys share, or whose path says too little. Others are called by their path. */
const NAMES: Readonly<Record<string, string>> = {
  "": "Config",
  "routes.match.path": "RegexConfig",
  "routes.request": "HeaderChangesConfig",
  "routes.hooks": "HooksConfig",
  "routes.target": "DecideHookConfig",
  "routes.hooks.onRequest": "HookConfig",
  "routes.target.fallback": "FallbackStatusConfig",
};
/** Keys of lists and tables, and what one of theirs is called. */
const SINGULAR: Readonly<Record<string, string>> = {
  listeners: "listener",
  upstreams: "upstream",
  servers: "server",
  routes: "route",
};
/** Keys of which a map has one: `cross-checks.ts` refuses two. */
const ONE_OF: Readonly<Record<string, readonly string[]>> = {
  routes: ACTIONS,
  "routes.rewrite": PATH_CHANGES,
};
/** Of maps that may stand in the same place: what each must have. */
const FORMS = ["srv", "file", "upstream"];

/** What a hook's map is written around: a parameter of its type. */
const FUNCTION = "F";

type Entries = NonNullable<Schema["entries"]>;

interface Made {
  /** By what they hold: parts of the schema are wrapped anew wherever they are used. Of hooks their fallback tells them apart. */
  readonly names: Map<Entries | Schema, string>;
  readonly declarations: string[];
  readonly functions: Set<string>;
}

export function renderConfigTypes(): string {
  const made: Made = { names: new Map(), declarations: [], functions: new Set() };
  nameOf(ConfigSchema as unknown as Schema, [], made);
  const functions = [...made.functions].sort().map((name) => `  ${name},\n`);
  const imports = `import type {\n${functions.join("")}} from "../script/hooks.ts";`;
  return `${HEAD}\n${imports}\n\n${made.declarations.join("\n\n")}\n`;
}

/** Of a map with known keys, which is declared when it is met first: those that use it come before. */
function nameOf(map: Schema, path: readonly string[], made: Made): string {
  const entries = map.entries!;
  const identity = isHook(map) ? required(entries["fallback"]!) : entries;
  const parameter = isHook(map) ? `<${formsOf(entries["run"]!, path, made).join(" | ")}>` : "";
  const known = made.names.get(identity);
  if (known !== undefined) return `${known}${parameter}`;
  const taken = [...made.names.values()];
  const plain = NAMES[path.join(".")] ?? nameByPath(map, path);
  const form = FORMS.find((key) => entries[key] !== undefined && entries[key].type !== "optional") ?? "";
  const name = taken.includes(plain) ? plain.replace(/Config$/, `${inPascalCase(form)}Config`) : plain;
  if (taken.includes(name)) throw new Error(`two maps would be called ${name}: see NAMES and FORMS`);
  made.names.set(identity, name);
  const at = made.declarations.push("") - 1;
  made.declarations[at] = declaration(isHook(map) ? `${name}<${FUNCTION}>` : name, entries, path, made);
  return `${name}${parameter}`;
}

function declaration(name: string, entries: Entries, path: readonly string[], made: Made): string {
  const place = path.join(".");
  const comment = `/** What may stand at ${place === "" ? "the top level" : `\`${place}\``}. */\n`;
  const excluding = ONE_OF[place] ?? [];
  const others = Object.entries(entries).filter(([key]) => !excluding.includes(key));
  const members = others.map(([key, entry]) => memberOf(key, entry, { path, made, indent: "  " }));
  const body = `{\n${members.join("\n")}\n}`;
  if (excluding.length === 0) return `${comment}export interface ${name} ${body}`;
  const forms = excluding.map((key) => {
    const one = memberOf(key, required(entries[key]!), { path, made, indent: "      " });
    const none = excluding.filter((other) => other !== key).map((other) => `      ${other}?: undefined;`);
    return `\n  | {\n${[one, ...none].join("\n")}\n    }`;
  });
  if (others.length === 0) return `${comment}export type ${name} =${forms.join("")};`;
  const [common, oneOf] = [name.replace("Config", "CommonConfig"), name.replace("Config", "ActionConfig")];
  return [
    `${comment}export type ${name} = ${common} & ${oneOf};`,
    `/** Beside what a route does. */\nexport interface ${common} ${body}`,
    `/** What a route does. */\nexport type ${oneOf} =${forms.join("")};`,
  ].join("\n\n");
}

function nameByPath(map: Schema, path: readonly string[]): string {
  if (isHook(map)) return `${inPascalCase(path.at(-1)!)}HookConfig`;
  // What only upstreams have needs no word for them.
  const own = path[0] === "upstreams" && path.length > 1 && path[1] !== "timeouts" ? path.slice(1) : path;
  return `${own.map(inPascalCase).join("")}Config`;
}

interface Place {
  /** Of the map. */
  readonly path: readonly string[];
  readonly made: Made;
  readonly indent: string;
}

function memberOf(key: string, entry: Schema, { path, made, indent }: Place): string {
  const isOptional = entry.type === "optional";
  const types = new Set(formsOf(entry, [...path, key], made));
  if (isOptional) types.add("undefined");
  const start = `${indent}${key}${isOptional ? "?" : ""}:`;
  const line = `${start} ${[...types].join(" | ")};`;
  const several = () => `${start}${[...types].map((type) => `\n${indent}  | ${type}`).join("")};`;
  return `${commentOf(entry, indent)}${line.length <= LINE_MAX ? line : several()}`;
}

function required(entry: Schema): Schema {
  return entry.type === "optional" ? entry.wrapped! : entry;
}

function commentOf(entry: Schema, indent: string): string {
  const { unit } = v.getMetadata(required(entry) as never) as { unit?: string };
  const hasUnit = unit !== undefined && unit !== "boolean" && unit !== "function" && unit !== "reason";
  const standard = defaultOf(entry);
  const isLeftOut = entry.type === "optional" && standard !== "";
  const facts = [hasUnit ? typeOf(entry) : "", isLeftOut ? `default ${standard}` : ""].filter((it) => it !== "");
  const text = `${descriptionOf(entry)}${facts.length === 0 ? "" : ` (${facts.join("; ")})`}`;
  if (text.includes("*/")) throw new Error(`a description would end its comment: ${text}`);
  const line = `${indent}/** ${text} */\n`;
  if (line.length <= LINE_MAX + 1) return line;
  return [`${indent}/**`, ...broken(`${indent} *`, text), `${indent} */`, ""].join("\n");
}

function broken(start: string, text: string): string[] {
  const lines = [start];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length > LINE_MAX) lines.push(`${start} ${word}`);
    else lines[lines.length - 1] = line;
  }
  return lines;
}

/** What may stand for a value, each form by itself. */
function formsOf(schema: Schema, path: readonly string[], made: Made): string[] {
  const { unit, functionType } = v.getMetadata(schema as never) as { unit?: string; functionType?: string };
  if (unit === "function" && path.at(-1) === "run") return [FUNCTION];
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
