/** A configuration file and all it includes → what the proxy runs on, or every problem with its file and line. */

import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type CompiledConfig, compileConfig } from "../core/config/compile.ts";
import { type Environment, substituteEnvironment } from "../core/config/environment.ts";
import { type ConfigSource, mergeSources, type Place } from "../core/config/merge.ts";
import { type ConfigPath, type ConfigProblem, formatPath } from "../core/config/problem.ts";
import { fileVersion } from "./file-version.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { lackingPermission, type ParsedDocument, type Position, parseDocument } from "./parse-document.ts";
import { addImports } from "./program-imports.ts";
import { readTextFile } from "./read-text-file.ts";
import { readServerFile } from "./server-files.ts";
import { shownName } from "./shown-name.ts";

export interface LocatedProblem {
  readonly file: string;
  readonly position: Position | null;
  /** `""` for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export interface LoadedConfig {
  readonly config: CompiledConfig;
  /** What that was compiled from. */
  readonly value: unknown;
  /** The file named, then what it includes. */
  readonly files: readonly string[];
  readonly warnings: readonly LocatedProblem[];
  readonly origins: Origins;
}

export interface FailedConfig {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly LocatedProblem[];
  readonly origins: Origins;
}

/** Where a configuration came from, or would have: what to watch. */
export interface Origins {
  /** Absolute names, also of files that could not be read, and of each the version before it was read. */
  readonly files: ReadonlyMap<string, string>;
  readonly globs: readonly Glob[];
  /** Reading it takes a while, or runs a program. */
  readonly isHeavy: boolean;
}

export interface Glob {
  readonly pattern: string;
  /** What it is relative to. */
  readonly directory: string;
}

/** An include inside an include inside … */
const INCLUDE_DEPTH_MAX = 8;
const FILES_MAX = 1_000;
/** What YAML of this length costs, some ten milliseconds, requests under way can wait for. */
const LIGHT_TEXT_MAX = 16 * 1024;
const TOO_HEAVY = "takes longer to read than requests under way can wait for";
const EMPTY = "is empty; it needs at least listeners and routes";
const PROGRAM_EXTENSIONS = [".ts", ".mts", ".js", ".mjs"];

/** With `isQuick` it fails as soon as it turns out to be heavy, which its origins then say. */
export async function loadConfig(
  file: string,
  environment: Environment,
  { isQuick = false }: { readonly isQuick?: boolean } = {},
): Promise<LoadedConfig | FailedConfig> {
  const loader = new Loader(environment, isQuick);
  const { origins } = loader;
  await loader.load(resolve(file), 0, null);
  const [first, ...rest] = loader.sources;
  // Without all files most other problems would be echoes of that.
  if (first === undefined || loader.incomplete) return { problems: sorted(loader.problems), warnings: [], origins };
  const merged = mergeSources([first, ...rest]);
  const compiled = compileConfig(merged.value);
  const located = ({ path, message, atKey }: ConfigProblem, place: Place) =>
    loader.locate(place, message, path.length > 0 && atKey);
  const warnings = sorted(compiled.warnings.map((warning) => located(warning, merged.originOf(warning.path))));
  const problems = [...loader.problems];
  const already = new Set(problems.map(placeOf));
  const report = (problem: LocatedProblem) => {
    // A variable that is not set leaves a gap which is wrong, too.
    if (!already.has(placeOf(problem))) problems.push(problem);
  };
  for (const { problem, place } of merged.problems) report(located(problem, place));
  if ("problems" in compiled) {
    for (const problem of compiled.problems) report(located(problem, merged.originOf(problem.path)));
  } else
    problems.push(
      ...serverFileProblems(compiled, environment, (path, message) =>
        loader.locate(merged.originOf(path), message, false),
      ),
    );
  if ("problems" in compiled || problems.length > 0) return { problems: sorted(problems), warnings, origins };
  return {
    config: compiled,
    value: merged.value,
    files: loader.sources.map((source) => source.file),
    warnings,
    origins,
  };
}

/** What the files that list servers hold must be right, too, when all begins; later they may change. */
function serverFileProblems(
  { snapshot }: CompiledConfig,
  environment: Environment,
  locate: (path: ConfigPath, message: string) => LocatedProblem,
): LocatedProblem[] {
  const seen = new Set<string>();
  return snapshot.upstreams.flatMap(({ name, sources = [] }) =>
    sources.flatMap((source, index) => {
      if (source.kind !== "file" || seen.has(source.path)) return [];
      seen.add(source.path);
      const result = readServerFile(source.path, environment);
      if (!("problems" in result)) return [];
      if (!result.isMissing) return result.problems;
      const place = ["upstreams", name, "servers", index, "file"];
      return result.problems.map(({ file, message }) => locate(place, `${file} ${message}`));
    }),
  );
}

interface Include {
  readonly pattern: string;
  readonly path: ConfigPath;
}

class Loader {
  readonly sources: ConfigSource[] = [];
  readonly problems: LocatedProblem[] = [];
  /** A file could not be read or understood. */
  incomplete = false;
  readonly origins = { files: new Map<string, string>(), globs: [] as Glob[], isHeavy: false };
  readonly #environment: Environment;
  readonly #isQuick: boolean;
  #textLength = 0;
  readonly #documents = new Map<string, ParsedDocument>();
  /** Files being loaded, outermost first: one that comes again is a cycle. */
  readonly #stack: string[] = [];

  constructor(environment: Environment, isQuick: boolean) {
    this.#environment = environment;
    this.#isQuick = isQuick;
  }

  /** `from` is the place of the `include` that asked for it. */
  async load(file: string, depth: number, from: Place | null): Promise<void> {
    const shown = shownName(file);
    if (!this.origins.files.has(file)) this.origins.files.set(file, await fileVersion(file));
    if (this.#stack.includes(shown)) return this.#refuse(from, `includes ${shown}, which includes this file again`);
    // Two patterns that both find a file mean it once.
    if (this.sources.some((source) => source.file === shown)) return;
    if (depth > INCLUDE_DEPTH_MAX) return this.#refuse(from, `includes are more than ${INCLUDE_DEPTH_MAX} files deep`);
    if (this.sources.length >= FILES_MAX) return this.#refuse(from, `more than ${FILES_MAX} files are included`);
    const raw = PROGRAM_EXTENSIONS.includes(extname(file))
      ? await this.#runProgram(file, shown, from)
      : await this.#readDocument(file, shown, from);
    if (raw === null) return;
    const { value: written, problems } = substituteEnvironment(raw.value, this.#environment);
    const value = withServerFiles(written, dirname(file));
    this.problems.push(...problems.map(({ path, message }) => this.locate({ file: shown, path }, message, false)));
    if (depth > 0 && (typeof value !== "object" || value === null || Array.isArray(value))) {
      return this.#refuse(
        { file: shown, path: [] },
        "holds no map; an included file looks like the main one: routes, upstreams, …",
      );
    }
    this.sources.push({ file: shown, value });
    this.#stack.push(shown);
    for (const include of includesOf(value)) await this.#follow(file, shown, include, depth);
    this.#stack.pop();
  }

  locate({ file, path }: Place, message: string, atKey: boolean): LocatedProblem {
    return {
      file,
      position: this.#documents.get(file)?.positionOf(path, atKey) ?? null,
      path: formatPath(path),
      message,
    };
  }

  async #follow(file: string, shown: string, { pattern, path }: Include, depth: number): Promise<void> {
    const place = { file: shown, path };
    const directory = dirname(file);
    if (!isGlob(pattern)) return this.load(resolve(directory, pattern), depth + 1, place);
    this.origins.globs.push({ pattern, directory });
    const found = await expandGlob(pattern, directory);
    if (found === null) return this.#refuse(place, "would search too many directories; narrow the pattern");
    // The including file may well match its own pattern.
    for (const match of found) if (match !== file) await this.load(match, depth + 1, place);
  }

  async #readDocument(file: string, shown: string, from: Place | null): Promise<{ value: unknown } | null> {
    const text = await readTextFile(file);
    if (typeof text !== "string") return this.#refuseFile(shown, from, text.problem);
    if (text.trim() === "") return this.#refuseFile(shown, from, EMPTY);
    const lacking = lackingPermission();
    if (lacking !== null) return this.#refuseFile(shown, from, lacking);
    this.#textLength += text.length;
    if (this.#textLength > LIGHT_TEXT_MAX) this.origins.isHeavy = true;
    if (this.#isTooHeavy) return this.#refuseFile(shown, from, TOO_HEAVY);
    const parsed = parseDocument(text);
    if ("problems" in parsed) {
      this.incomplete = true;
      this.problems.push(
        ...parsed.problems.map(({ message, position }) => ({ file: shown, position, path: "", message })),
      );
      return null;
    }
    if (parsed.value === null) return this.#refuseFile(shown, from, EMPTY);
    this.#documents.set(shown, parsed);
    return { value: parsed.value };
  }

  async #runProgram(file: string, shown: string, from: Place | null): Promise<{ value: unknown } | null> {
    // The file system's reasons are clearer than those of a failed import.
    const text = await readTextFile(file);
    if (typeof text !== "string") return this.#refuseFile(shown, from, text.problem);
    await addImports(file, text, this.origins.files);
    this.origins.isHeavy = true;
    if (this.#isTooHeavy) return this.#refuseFile(shown, from, TOO_HEAVY);
    const run = await runProgram(pathToFileURL(file).href);
    if ("problem" in run) return this.#refuseFile(shown, from, `could not be run: ${run.problem}`);
    if (run.value === undefined)
      return this.#refuseFile(shown, from, "has no default export; write `export default defineConfig({ … })`");
    return run;
  }

  get #isTooHeavy(): boolean {
    return this.#isQuick && this.origins.isHeavy;
  }

  #refuse(place: Place | null, message: string): void {
    this.incomplete = true;
    this.problems.push(this.locate(place ?? { file: "", path: [] }, message, false));
  }

  /** A missing include is the including file's problem. */
  #refuseFile(shown: string, from: Place | null, message: string): null {
    this.incomplete = true;
    if (from === null) this.problems.push({ file: shown, position: null, path: "", message });
    else this.#refuse(from, `${shown} ${message}`);
    return null;
  }
}

async function runProgram(url: string): Promise<{ value: unknown } | { problem: string }> {
  try {
    const module: { default?: unknown } = await import(url);
    const value = exportOf(module.default);
    return { value: typeof value === "function" ? await value() : value };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Of a file that tsx takes for CommonJS, in a thread, the exports are the default. */
function exportOf(value: unknown): unknown {
  const isModule = typeof value === "object" && value !== null && "__esModule" in value && "default" in value;
  return isModule ? value.default : value;
}

function placeOf({ file, path }: LocatedProblem): string {
  return `${file}\0${path}`;
}

/** File names in `servers` are relative to the file they stand in; from here on they are whole. */
function withServerFiles(value: unknown, directory: string): unknown {
  if (!isMap(value) || !isMap(value["upstreams"])) return value;
  const upstreams = Object.entries(value["upstreams"]).map(([name, upstream]) => {
    if (!isMap(upstream) || !Array.isArray(upstream["servers"])) return [name, upstream];
    const servers = upstream["servers"].map((server: unknown) =>
      isMap(server) && typeof server["file"] === "string" && server["file"] !== ""
        ? { ...server, file: resolve(directory, server["file"]) }
        : server,
    );
    return [name, { ...upstream, servers }];
  });
  return { ...value, upstreams: Object.fromEntries(upstreams) };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function includesOf(value: unknown): Include[] {
  if (typeof value !== "object" || value === null || !("include" in value)) return [];
  const { include } = value;
  if (typeof include === "string") return [{ pattern: include, path: ["include"] }];
  // Anything else is the schema's to refuse.
  if (!Array.isArray(include)) return [];
  return include.flatMap((pattern, index) =>
    typeof pattern === "string" ? [{ pattern, path: ["include", index] }] : [],
  );
}

function sorted(problems: readonly LocatedProblem[]): LocatedProblem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  return [...problems].sort(
    (left, right) =>
      files.indexOf(left.file) - files.indexOf(right.file) ||
      (left.position?.line ?? 0) - (right.position?.line ?? 0) ||
      (left.position?.column ?? 0) - (right.position?.column ?? 0),
  );
}
