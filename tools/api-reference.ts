// Writes docs/api.md from the types that the build makes of the public entries: each name with what was written at it.
//
//   npm run docs:api

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface Declared {
  /** Where it is declared. */
  readonly file: string;
  readonly name: string;
  /** Without its comment markers; empty where nothing was written. */
  readonly text: string;
  readonly signature: string;
}

export interface Entry {
  readonly specifier: string;
  readonly names: readonly Declared[];
}

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs", "api.md");
const ENTRIES = [
  ["millrace", "library/mod.d.ts"],
  ["millrace/core", "core/mod.d.ts"],
  ["millrace/testing", "testing/mod.d.ts"],
  ["millrace/adapters/node", "adapters/node.d.ts"],
  ["millrace/adapters/deno", "adapters/deno.d.ts"],
  ["millrace/adapters/bun", "adapters/bun.d.ts"],
] as const;

/** Compiles: some seconds. From `built`, what the build has made, at once. */
export function readEntries(built?: string): Entry[] {
  if (built !== undefined)
    return ENTRIES.map(([specifier, file]) => ({ specifier, names: namesOf(join(built, file)) }));
  const folder = mkdtempSync(join(tmpdir(), "millrace-api-"));
  try {
    const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const options = ["-p", join(root, "tsconfig.build.json"), "--outDir", folder];
    execFileSync(process.execPath, [compiler, ...options], { stdio: "inherit" });
    return readEntries(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function renderReference(entries: readonly Entry[]): string {
  const parts = ["# API reference", "`npm run docs:api` writes this page; the words are at the declarations."];
  const shown = new Map<string, string>();
  for (const { specifier, names } of entries) {
    parts.push(`## ${specifier}`);
    for (const { name, text, signature } of names) {
      const code = `\`\`\`ts\n${signature}\n\`\`\``;
      parts.push(`### ${name}`);
      const before = shown.get(`${name} ${signature}`);
      if (before === undefined) parts.push(...(text === "" ? [] : [text]), code);
      else parts.push(`As in \`${before}\`.`);
      shown.set(`${name} ${signature}`, before ?? specifier);
    }
  }
  return `${parts.join("\n\n")}\n`;
}

/** What the entry declares and passes on, by name. */
function namesOf(file: string): Declared[] {
  const text = readFileSync(file, "utf8");
  const names: Declared[] = [...text.matchAll(/^export declare const (\w+)/gm)].map(([, name = ""]) =>
    declared(file, name),
  );
  for (const [, list = "", from = ""] of text.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    for (const item of list.split(",")) {
      const name = item.trim().replace(/^type /, "");
      if (name !== "") names.push(declared(join(dirname(file), from.replace(/\.[jt]s$/, ".d.ts")), name));
    }
  }
  const known = new Set(names.map(({ name }) => name));
  return names.map((one) => withParts(one, known)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An alias tells nothing by itself: what it stands for comes with it, unless it has a place of its own. */
function withParts(alias: Declared, known: ReadonlySet<string>): Declared {
  const parts: string[] = [];
  const seen = new Set(known).add(alias.name);
  const visit = ({ file, signature }: Declared): void => {
    if (!signature.startsWith("export type ")) return;
    for (const [name] of signature.replace(/\/\*\*.*?\*\//gs, "").matchAll(/\b[A-Z]\w+\b/g)) {
      if (seen.has(name)) continue;
      seen.add(name);
      const part = find(file, name);
      // The form of a schema says less than docs/configuration.md does.
      if (part === null || /^(?:export )?const /.test(part.signature)) continue;
      parts.push(part.signature.replace(/^export /, ""));
      visit(part);
    }
  };
  visit(alias);
  return parts.length === 0 ? alias : { ...alias, signature: [alias.signature, ...parts].join("\n\n") };
}

function declared(file: string, name: string): Declared {
  const found = find(file, name);
  if (found === null) throw new Error(`${file} declares no ${name}: teach tools/api-reference.ts how it does`);
  return found;
}

/** Null: it is none of ours, or a parameter. */
function find(file: string, name: string): Declared | null {
  const text = readFileSync(file, "utf8");
  const start = text.search(
    new RegExp(`^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|function|class|const) ${name}\\b`, "m"),
  );
  if (start >= 0) {
    // The compiler indents what is inside: the next line that is not is the end, or begins something else. Of an alias
    // the members behind the first are indented by one space, and it has a semicolon behind the last one.
    const [first = "", ...rest] = text.slice(start).split("\n");
    const isLast = first.startsWith("export type ") ? /^ ?[^\s*].*;$/ : /^[}\])]|^\S.*;$/;
    const end = first.endsWith(";") || first.endsWith("}") ? -1 : rest.findIndex((line) => isLast.test(line));
    const otherForms = rest.filter((line) => line.startsWith(`export declare function ${name}(`));
    const signature = [first, ...rest.slice(0, end + 1), ...otherForms]
      .join("\n")
      .replaceAll("export declare ", "export ");
    const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/.exec(text.slice(0, start))?.[1] ?? "";
    return { file, name, text: comment.replace(/^[ \t]*\* ?/gm, "").trim(), signature };
  }
  for (const [, list = "", from = ""] of text.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g)) {
    const names = list.split(",").map((item) => item.trim().replace(/^type /, ""));
    if (names.includes(name)) return find(join(dirname(file), from.replace(/\.[jt]s$/, ".d.ts")), name);
  }
  const [, original, from = ""] =
    new RegExp(`(\\w+) as ${name}\\b[^}]*\\} from "([^"]+)"`).exec(text) ??
    new RegExp(`import (?:type )?\\{[^}]*\\b(${name})\\b[^}]*\\} from "([^"]+)"`).exec(text) ??
    [];
  if (original === undefined || !from.startsWith(".")) return null;
  const found = find(join(dirname(file), from.replace(/\.[jt]s$/, ".d.ts")), original);
  return found === null ? null : { ...found, name };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(page, renderReference(readEntries()));
