import { type CompiledConfig, compileConfig } from "../core/config/compile.ts";
import type { Config, ConfigFunction } from "../core/config/define.ts";
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
  const compiled = compileConfig(typeof config === "function" ? await config() : config);
  if ("problems" in compiled) throw new RefusedConfigError(compiled.problems);
  return compiled;
}
