/** A configuration file and all it includes → one value, and where each part of it was written. */

import { extname, resolve } from "node:path";
import { type Environment, substituteEnvironment } from "../core/config/environment.ts";
import { type ConfigSource, type MergedConfig, mergeSources, type Place } from "../core/config/merge.ts";
import { type ConfigPath, formatPath, isRecord } from "../core/config/problem.ts";
import { errorText } from "../core/script/error-text.ts";
import type { BundleProblem } from "./bundle-program.ts";
import { FOUND_VERSION, fileVersion } from "./file-version.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { lackingPermission, type ParsedDocument, type Position, parseDocument } from "./parse-document.ts";
import { programs } from "./programs.ts";
import { directoryOf, pathOf, readTextFile, STANDARD_INPUT } from "./read-text-file.ts";
import { hasScripts, withScriptFiles } from "./script-entries.ts";
import { shownName } from "./shown-name.ts";
import { whileCodeRuns } from "./while-code-runs.ts";

export interface LocatedProblem {
  readonly file: string;
  readonly position: Position | null;
  /** `""` for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

export interface ReadConfig {
  readonly merged: MergedConfig;
  /** The file named, then what it includes. */
  readonly files: readonly string[];
  /** What is wrong so far. */
  readonly problems: readonly LocatedProblem[];
  readonly origins: Origins;
  /** The code in these files, too, makes it what it is. */
  watchCode(files: readonly string[]): Promise<void>;
  locate(place: Place, message: string, atKey: boolean): LocatedProblem;
}

/** Without all files most other problems would be echoes of that. */
export interface Unread {
  readonly problems: readonly LocatedProblem[];
  readonly origins: Origins;
}

/** Where a configuration came from, or would have: what to watch. */
export interface Origins {
  /** Absolute names, also of files that could not be read, and of each the version before it was read. */
  readonly files: ReadonlyMap<string, string>;
  /** Those of them that code is made of: programs, scripts, and all that they import. */
  readonly code: ReadonlySet<string>;
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
/** Customers of a host, a file each, and some to spare. */
const FILES_MAX = 10_000;
/** What YAML of this length costs, some ten milliseconds, requests under way can wait for. */
const LIGHT_TEXT_MAX = 16 * 1024;
const TOO_MANY = `more than ${FILES_MAX} files are included`;
const TOO_HEAVY = "takes longer to read than requests under way can wait for";
const EMPTY = "is empty; it needs at least listeners and routes";
const EMPTY_INCLUDE = "is empty; write {} if it is to add nothing";
const PROGRAM_EXTENSIONS = [".ts", ".mts", ".js", ".mjs"];

export async function readConfig(
  file: string,
  environment: Environment,
  isQuick: boolean,
): Promise<ReadConfig | Unread> {
  const loader = new Loader(environment, isQuick);
  const { origins, sources, problems } = loader;
  await loader.load(pathOf(file), 0, null);
  const [first, ...rest] = sources;
  if (first === undefined || loader.incomplete) return { problems, origins };
  const merged = mergeSources([first, ...rest]);
  if (hasScripts(merged.value)) {
    origins.isHeavy = true;
    if (isQuick) return { problems: [loader.locate({ file: first.file, path: [] }, TOO_HEAVY, false)], origins };
  }
  return {
    merged,
    files: sources.map((source) => source.file),
    problems,
    origins,
    watchCode: (files) => loader.watchCode(files),
    locate: (place, message, atKey) => loader.locate(place, message, atKey),
  };
}

interface Include {
  readonly pattern: string;
  readonly path: ConfigPath;
}

class Loader {
  readonly sources: ConfigSource[] = [];
  readonly #shownSources = new Set<string>();
  readonly problems: LocatedProblem[] = [];
  /** A file could not be read or understood. */
  incomplete = false;
  readonly origins = {
    files: new Map<string, string>(),
    code: new Set<string>(),
    globs: [] as Glob[],
    isHeavy: false,
  };
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
    if (file !== STANDARD_INPUT) await this.#watch([file]);
    if (this.#stack.includes(shown)) return this.#refuse(from, `includes ${shown}, which includes this file again`);
    // Two patterns that both find a file mean it once.
    if (this.#shownSources.has(shown)) return;
    if (depth > INCLUDE_DEPTH_MAX) return this.#refuse(from, `includes are more than ${INCLUDE_DEPTH_MAX} files deep`);
    if (this.sources.length >= FILES_MAX) return this.#refuse(from, TOO_MANY);
    const raw = PROGRAM_EXTENSIONS.includes(extname(file))
      ? await this.#runProgram(file, shown, from)
      : await this.#readDocument(file, shown, from);
    if (raw === null) return;
    const { value: written, problems } = substituteEnvironment(raw.value, this.#environment);
    const directory = directoryOf(file);
    const value = withScriptFiles(withServerFiles(written, directory), directory);
    this.problems.push(...problems.map(({ path, message }) => this.locate({ file: shown, path }, message, false)));
    if (depth > 0 && (typeof value !== "object" || value === null || Array.isArray(value))) {
      return this.#refuse(
        { file: shown, path: [] },
        "holds no map; an included file looks like the main one: routes, upstreams, …",
      );
    }
    this.sources.push({ file: shown, value });
    this.#shownSources.add(shown);
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
    const directory = directoryOf(file);
    if (!isGlob(pattern)) return this.load(resolve(directory, pattern), depth + 1, place);
    this.origins.globs.push({ pattern, directory });
    const found = await expandGlob(pattern, directory);
    if (found.problem !== null) return this.#refuse(place, found.problem);
    // The including file, which is known, may well match its own pattern.
    const more = found.files.filter((match) => !this.#shownSources.has(shownName(match)));
    // Before they are read: each one too many would be told of by itself.
    if (this.sources.length + more.length > FILES_MAX) return this.#refuse(place, TOO_MANY);
    for (const match of more) {
      await this.load(match, depth + 1, place);
      // Told apart from a missing one, it is noticed when the pattern no longer finds it.
      if (this.origins.files.get(match) === "") this.origins.files.set(match, FOUND_VERSION);
    }
  }

  async #readDocument(file: string, shown: string, from: Place | null): Promise<{ value: unknown } | null> {
    const text = await readTextFile(file);
    if (typeof text !== "string") return this.#refuseFile(shown, from, text.problem);
    const empty = from === null ? EMPTY : EMPTY_INCLUDE;
    if (text.trim() === "") return this.#refuseFile(shown, from, empty);
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
    if (parsed.value === null) return this.#refuseFile(shown, from, empty);
    this.#documents.set(shown, parsed);
    return { value: parsed.value };
  }

  async #runProgram(file: string, shown: string, from: Place | null): Promise<{ value: unknown } | null> {
    // The file system's reasons are clearer than those of a failed import.
    const text = await readTextFile(file);
    if (typeof text !== "string") return this.#refuseFile(shown, from, text.problem);
    this.origins.isHeavy = true;
    if (this.#isTooHeavy) return this.#refuseFile(shown, from, TOO_HEAVY);
    const ran = await programs.run(file);
    await this.watchCode("bundle" in ran ? ran.bundle.files : ran.files);
    if ("problems" in ran) {
      for (const problem of ran.problems) this.#refuseProgram(shown, from, problem);
      return null;
    }
    const { exports, bundle } = ran;
    if (exports["default"] === undefined)
      return this.#refuseFile(shown, from, "has no default export; write `export default defineConfig({ … })`");
    try {
      const made = exports["default"];
      const run = { file, sources: programs.sources };
      const value = await whileCodeRuns<unknown>(run, () => (typeof made === "function" ? made() : made));
      programs.sources.remember(bundle, value);
      return { value };
    } catch (error) {
      const at = programs.sources.atPlace(error);
      return this.#refuseFile(shown, from, `could not be run: ${errorText(error)}${at}`);
    }
  }

  watchCode(files: readonly string[]): Promise<void> {
    for (const file of files) this.origins.code.add(file);
    return this.#watch(files);
  }

  async #watch(files: readonly string[]): Promise<void> {
    for (const file of files) if (!this.origins.files.has(file)) this.origins.files.set(file, await fileVersion(file));
  }

  /** At the place in the program, where that is known. */
  #refuseProgram(shown: string, from: Place | null, { file, line, column, message }: BundleProblem): void {
    if (file === null) {
      this.#refuseFile(shown, from, message);
      return;
    }
    this.incomplete = true;
    this.problems.push({ file: shownName(file), position: { line, column }, path: "", message });
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

/** File names in `servers` are relative to the file they stand in; from here on they are whole. */
function withServerFiles(value: unknown, directory: string): unknown {
  if (!isRecord(value) || !isRecord(value["upstreams"])) return value;
  const upstreams = Object.entries(value["upstreams"]).map(([name, upstream]) => {
    if (!isRecord(upstream) || !Array.isArray(upstream["servers"])) return [name, upstream];
    const servers = upstream["servers"].map((server: unknown) =>
      isRecord(server) && typeof server["file"] === "string" && server["file"] !== ""
        ? { ...server, file: resolve(directory, server["file"]) }
        : server,
    );
    return [name, { ...upstream, servers }];
  });
  return { ...value, upstreams: Object.fromEntries(upstreams) };
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
