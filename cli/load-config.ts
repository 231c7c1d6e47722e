/** A configuration file and all it includes → what the proxy runs on, or every problem with its file and line. */

import { type CompiledConfig, type CompileOptions, compileConfig, type RefusedConfig } from "../core/config/compile.ts";
import type { Environment } from "../core/config/environment.ts";
import type { Place } from "../core/config/merge.ts";
import type { ConfigPath, ConfigProblem } from "../core/config/problem.ts";
import { programs, type Scripts } from "./programs.ts";
import { type LocatedProblem, type Origins, type ReadConfig, readConfig } from "./read-config.ts";
import { loadScripts, type ScriptProblem } from "./script-entries.ts";
import { readServerFile } from "./server-files.ts";
import { shownName } from "./shown-name.ts";

export type { LocatedProblem, Origins };

export interface LoadedConfig {
  readonly config: CompiledConfig;
  /** What that was compiled from; scripts are named, not loaded. */
  readonly value: unknown;
  /** What it runs of them: whoever goes by it says so (`Programs.use`). */
  readonly scripts: Scripts;
  /** The file named, then what it includes. */
  readonly files: readonly string[];
  readonly warnings: readonly LocatedProblem[];
  readonly origins: Origins;
}

export interface FailedConfig {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly LocatedProblem[];
  readonly origins: Origins;
  /** For a later one, which need not fail. */
  readonly isGivenUp?: true;
}

type Compiled = CompiledConfig | RefusedConfig;

export interface LoadOptions {
  /** Fails as soon as reading turns out to be heavy, which the origins then say. */
  readonly isQuick?: boolean;
  /** Looks for more to warn of. */
  readonly lint?: (config: CompiledConfig, value: unknown) => readonly ConfigProblem[];
  /** `compileConfig`, or the same in another way. */
  readonly compile?: (value: unknown, options: CompileOptions) => Compiled | Promise<Compiled>;
}

export async function loadConfig(
  file: string,
  environment: Environment,
  { isQuick = false, compile = compileConfig, lint = () => [] }: LoadOptions = {},
): Promise<LoadedConfig | FailedConfig> {
  const read = await readConfig(file, environment, isQuick);
  const { origins } = read;
  if (!("merged" in read)) return { problems: sorted(read.problems), warnings: [], origins };
  const { merged } = read;
  const scripts = await loadScripts(merged.value, programs);
  await read.watchCode(scripts.files);
  if (scripts.problems.length > 0) {
    const problems = [...read.problems, ...scripts.problems.map((problem) => located(read, problem))];
    return { problems: sorted(problems), warnings: [], origins };
  }
  const compiled = await compile(scripts.value, { sourceOf: (code) => programs.sources.sourceOf(code) });
  const warnings = "problems" in compiled ? compiled.warnings : [...compiled.warnings, ...lint(compiled, merged.value)];
  return finished(read, { compiled: { ...compiled, warnings }, scripts: scripts.scripts }, environment);
}

interface Made {
  readonly compiled: Compiled;
  readonly scripts: Scripts;
}

function finished(
  read: ReadConfig,
  { compiled, scripts }: Made,
  environment: Environment,
): LoadedConfig | FailedConfig {
  const { merged, origins } = read;
  const locate = ({ path, message, atKey }: ConfigProblem, place: Place) =>
    read.locate(place, message, path.length > 0 && atKey);
  const warnings = sorted(compiled.warnings.map((warning) => locate(warning, merged.originOf(warning.path))));
  const problems = [...read.problems];
  const already = new Set(problems.map(placeOf));
  const report = (problem: LocatedProblem) => {
    // A variable that is not set leaves a gap which is wrong, too.
    if (!already.has(placeOf(problem))) problems.push(problem);
  };
  for (const { problem, place } of merged.problems) report(locate(problem, place));
  if ("problems" in compiled) {
    for (const problem of compiled.problems) report(locate(problem, merged.originOf(problem.path)));
  } else
    problems.push(
      ...serverFileProblems(compiled, environment, (path, message) =>
        read.locate(merged.originOf(path), message, false),
      ),
    );
  if ("problems" in compiled || problems.length > 0) return { problems: sorted(problems), warnings, origins };
  return { config: compiled, value: merged.value, scripts, files: read.files, warnings, origins };
}

/** In the script where it says so, with the entry that named it; else at the entry. */
function located({ merged, locate }: ReadConfig, { path, inside, message }: ScriptProblem): LocatedProblem {
  const entry = locate(merged.originOf(path), message, false);
  if (inside === null || inside.file === null) return entry;
  const { file, line, column } = inside;
  return { file: shownName(file), position: { line, column }, path: entry.path, message };
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

function placeOf({ file, path }: LocatedProblem): string {
  return `${file}\0${path}`;
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
