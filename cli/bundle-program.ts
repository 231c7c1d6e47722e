/**
 * A program and the files beside it that it imports → one text that can be run again and again, and let go. A module
 * that `import()` has loaded is kept for ever on every runtime, and read only once on most; a text is not.
 *
 *     config.ts ──► sites.ts ──► backends.json        bundled, as they are now
 *         └──► redis, node:fs, millrace               imported for real, once, and shared by all that comes after
 */

import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BuildFailure, ImportKind, Message, OnResolveArgs, Plugin, PluginBuild } from "esbuild";
import { errorText } from "../core/script/error-text.ts";
import { importOutside, isOneFile, loadEsbuild, requireOutside } from "./one-file.ts";
import { isOwnFile, ownModules } from "./own-modules.ts";
import { readTextFile } from "./read-text-file.ts";
import { shownName } from "./shown-name.ts";

export interface Bundle {
  /** Absolute name of the program. */
  readonly file: string;
  /** ECMAScript without imports; ends with its exports. */
  readonly code: string;
  /** Source map of `code`, JSON. */
  readonly map: string;
  /** What `code` finds at `imports[N]`. */
  readonly imports: readonly unknown[];
  /** Absolute names of all files in it. */
  readonly files: readonly string[];
}

export interface BundleProblem {
  /** Absolute; null where it is the program as a whole. */
  readonly file: string | null;
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

export interface NoBundle {
  readonly problems: readonly BundleProblem[];
  /** Absolute names of the files that were read, the one with the problem among them. */
  readonly files: readonly string[];
}

/** What bundled code finds the modules it imports in. */
export const IMPORTS = "__millraceImports";
/** What stands for `import.meta` in one file. */
const META = "__millraceMeta";
const OUTSIDE = "millrace-outside";
/** The same for `require`, which gets what a CommonJS module made its exports. */
const REQUIRED = "millrace-required";
const SOURCE = /\.[cm]?[jt]sx?$/;

/** Bundles being made: with the last one esbuild's own process ends, which is rarely needed and would linger. */
let underWay = 0;

export async function bundleProgram(file: string): Promise<Bundle | NoBundle> {
  let esbuild: typeof import("esbuild");
  try {
    esbuild = await loadEsbuild();
  } catch (error) {
    return { problems: [notRun(error)], files: [file] };
  }
  underWay++;
  try {
    return await bundle(esbuild, file);
  } finally {
    underWay--;
    if (underWay === 0) await esbuild.stop();
  }
}

async function bundle({ build }: typeof import("esbuild"), file: string): Promise<Bundle | NoBundle> {
  const imports = new Imports();
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      metafile: true,
      outdir: dirname(file),
      absWorkingDir: dirname(file),
      format: "esm",
      platform: "node",
      target: "esnext",
      conditions: [],
      sourcemap: "external",
      sourcesContent: false,
      // They would stand behind the clause of exports, which is looked for at the end.
      legalComments: "none",
      logLevel: "silent",
      // `import.meta` of a text that is evaluated is nobody's.
      define: { "import.meta": META },
      // Of a name that is made at run time nobody knows where to look for it: it fails with words that say so.
      supported: { "dynamic-import": false },
      // What a tsconfig.json nearby says is about other tools.
      tsconfigRaw: "{}",
      plugins: [ourWay(imports)],
    });
    const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
    const files = Object.keys(metafile.inputs).filter((name) => !/^millrace-\w+:/.test(name));
    return {
      file,
      code: text(".js"),
      map: text(".map"),
      imports: imports.modules,
      files: files.map((name) => resolve(dirname(file), name)),
    };
  } catch (error) {
    const files = [...imports.read, file];
    if (!isBuildFailure(error)) return { problems: [notRun(error)], files };
    if (imports.read.size === 0 && !existsSync(file)) return { problems: [wholeFile(missing(shownName(file)))], files };
    return { problems: error.errors.map((message) => problemOf(message, dirname(file))), files };
  }
}

/** Modules that are imported for real, in the order they were met. */
class Imports {
  readonly modules: unknown[] = [];
  /** Files that are not imported for real. */
  readonly read = new Set<string>();
  readonly #places = new Map<string, number>();

  async add(url: string): Promise<{ readonly place: number; readonly names: readonly string[] }> {
    const module = await imported(url);
    return { place: this.#placeOf(`import ${url}`, module), names: Object.keys(module) };
  }

  async require(url: string): Promise<number> {
    return this.#placeOf(`require ${url}`, ownModules.has(url) ? await imported(url) : requireOutside(url));
  }

  #placeOf(key: string, module: unknown): number {
    const place = this.#places.get(key) ?? this.modules.push(module) - 1;
    this.#places.set(key, place);
    return place;
  }
}

function imported(name: string): Promise<object> {
  return ownModules.get(name)?.() ?? importOutside(name);
}

function ourWay(imports: Imports): Plugin {
  return {
    name: "millrace",
    setup(build) {
      build.onResolve({ filter: /.*/ }, (args) => resolveImport(build, args));
      build.onLoad({ filter: /.*/, namespace: OUTSIDE }, async ({ path }) => {
        try {
          const { place, names } = await imports.add(path);
          return { contents: standIn(place, names), loader: "js" };
        } catch (error) {
          return { errors: [{ text: notImported(path, error) }] };
        }
      });
      build.onLoad({ filter: /.*/, namespace: REQUIRED }, async ({ path }) => {
        try {
          return { contents: `module.exports = ${IMPORTS}[${await imports.require(path)}];`, loader: "js" };
        } catch (error) {
          return { errors: [{ text: notImported(path, error) }] };
        }
      });
      build.onLoad({ filter: SOURCE }, async ({ path }) => {
        imports.read.add(path);
        const text = await readTextFile(path);
        if (typeof text !== "string") return { errors: [{ text: `${path} ${text.problem}` }] };
        return { contents: withItsPlace(text, path), loader: loaderOf(path) };
      });
    },
  };
}

const ASKED = Symbol("asked");

async function resolveImport(build: PluginBuild, args: OnResolveArgs) {
  const { path, resolveDir, kind, pluginData } = args;
  if (pluginData === ASKED || kind === "entry-point") return undefined;
  const namespace = kind === "require-call" ? REQUIRED : OUTSIDE;
  if (ownModules.has(path)) return { path, namespace };
  if (isBuiltin(path)) return { path: path.startsWith("node:") ? path : `node:${path}`, namespace };
  const name = path.startsWith("file:") ? fileURLToPath(path) : path;
  const found = await build.resolve(name, { resolveDir, kind: kind as ImportKind, pluginData: ASKED });
  const isBeside = name.startsWith(".") || isAbsolute(name);
  if (found.errors.length > 0) {
    const isMissing = isBeside && !existsSync(resolve(resolveDir, name));
    return { errors: isMissing ? found.errors.map((each) => ({ ...each, text: missing(path) })) : found.errors };
  }
  // A slip, as of a copied line: what is taken from there would be undefined, and no error.
  if (found.path === args.importer && kind === "import-statement") return { errors: [{ text: itself(path) }] };
  if (isBeside && !isOwnFile(found.path)) return found;
  return { path: pathToFileURL(found.path).href, namespace };
}

/** Without a place of its own it is told at the import. */
function notImported(url: string, error: unknown): string {
  return `${url.startsWith("file:") ? fileURLToPath(url) : url} could not be imported: ${errorText(error)}`;
}

/** Names that are no identifiers are written as text (ECMAScript 2022). */
function standIn(place: number, names: readonly string[]): string {
  const lines = names.map((name, index) =>
    name === "default"
      ? `export default ${IMPORTS}[${place}].default;`
      : `const x${index} = ${IMPORTS}[${place}][${JSON.stringify(name)}]; export { x${index} as ${JSON.stringify(name)} };`,
  );
  return lines.length === 0 ? "export {};" : lines.join("\n");
}

/** On the first line, so that no line moves. */
function withItsPlace(text: string, path: string): string {
  const source = text.startsWith("#!") ? `//${text.slice(2)}` : text;
  const before: string[] = [];
  if (source.includes("import.meta")) {
    const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
    before.push(`const ${META} = ${JSON.stringify(meta)};`);
  } else {
    if (/\b__filename\b/.test(source)) before.push(`var __filename = ${JSON.stringify(path)};`);
    if (/\b__dirname\b/.test(source)) before.push(`var __dirname = ${JSON.stringify(dirname(path))};`);
  }
  return before.length === 0 ? source : `${before.join("")}${source}`;
}

function loaderOf(path: string): "ts" | "tsx" | "js" | "jsx" {
  if (path.endsWith(".tsx")) return "tsx";
  if (path.endsWith(".jsx")) return "jsx";
  return /\.[cm]?ts$/.test(path) ? "ts" : "js";
}

function problemOf({ text, location }: Message, directory: string): BundleProblem {
  if (location === null) return wholeFile(text);
  const { file, line, column } = location;
  return { file: resolve(directory, file), line, column: column + 1, message: text };
}

function wholeFile(message: string): BundleProblem {
  return { file: null, line: 0, column: 0, message };
}

function missing(name: string): string {
  return `${name} does not exist; check the path`;
}

function itself(name: string): string {
  return `${name} is this file itself, of which nothing is there yet; check the path`;
}

/** In a folder from which no program may be run, for example. */
function notRun(error: unknown): BundleProblem {
  const needed = isOneFile()
    ? "; set TMPDIR to a folder to write to and to run programs from, or ESBUILD_BINARY_PATH (docs/compile.md)"
    : "Deno" in globalThis
      ? "; on Deno it needs --allow-read, --allow-env and --allow-run"
      : "";
  const message = `could not be read, because esbuild could not be run: ${errorText(error)}${needed}`;
  return wholeFile(message);
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}
