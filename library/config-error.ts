/** Thrown when a configuration is refused. */

import { type ConfigProblem, formatPath } from "../core/mod.ts";

/** A configuration that was refused, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** All that is wrong, in the order it was found. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(
      ({ path, message }) => `  ${path.length === 0 ? "" : `${formatPath(path)}: `}${message}`,
    );
    super(
      `the configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${lines.join("\n")}`,
    );
    this.problems = problems;
  }
}
