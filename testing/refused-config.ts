import process from "node:process";
import { type CompiledConfig, compileConfig } from "../core/config/compile.ts";
import type { Config, ConfigFunction } from "../core/config/define.ts";
import { substituteEnvironment } from "../core/config/environment.ts";
import { includeProblems } from "../core/config/file-only.ts";
import { type ConfigProblem, formatPath } from "../core/config/problem.ts";

/** A configuration with problems. The message lists all of them, with their places. */
export class RefusedConfigError extends Error {
  override readonly name = "RefusedConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => `  ${formatPath(path) || "the configuration"}: ${message}`);
    super(
      `the configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}\n${lines.join("\n")}`,
    );
    this.problems = problems;
  }
}

/** Throws a RefusedConfigError. */
export async function compiledConfig(config: Config | ConfigFunction): Promise<CompiledConfig> {
  const made = typeof config === "function" ? await config() : config;
  // As the command line tool, which runs such a program, too. What it includes would be looked for beside its file.
  const written = substituteEnvironment(made, (name) => process.env[name]);
  const compiled = compileConfig(written.value);
  const own = "problems" in compiled ? compiled.problems : [];
  const problems = [...includeProblems(made), ...written.problems, ...own];
  if ("problems" in compiled || problems.length > 0) throw new RefusedConfigError(problems);
  return compiled;
}
