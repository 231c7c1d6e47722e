/** `millrace run FILE`. */

import type { Runtime } from "../core/runtime.ts";
import { EXIT_CONFIG } from "./exit-codes.ts";
import { standardError } from "./line-writer.ts";
import { loadConfig } from "./load-config.ts";
import { createLog } from "./log.ts";
import { plural, printProblem, printProblems } from "./print.ts";
import { readEnvironment } from "./read-environment.ts";
import { serve } from "./serve.ts";

export async function run(file: string, runtime: Runtime): Promise<number> {
  const loaded = await loadConfig(file, readEnvironment);
  for (const warning of loaded.warnings) standardError.write(`${printProblem(warning)} (warning)`);
  if ("problems" in loaded) {
    for (const line of printProblems(loaded.problems)) standardError.write(line);
    standardError.write(`millrace: ${plural(loaded.problems.length, "problem")}; nothing was started`);
    return EXIT_CONFIG;
  }
  const log = createLog(loaded.config.log, runtime);
  try {
    return await serve({ runtime, config: loaded.config, observer: log });
  } finally {
    log.close();
  }
}
