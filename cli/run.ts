/** `millrace run FILE`. */

import type { Runtime } from "../core/runtime.ts";
import { changedCode } from "./changed-code.ts";
import { EXIT_CONFIG } from "./exit-codes.ts";
import { standardError } from "./line-writer.ts";
import { loadAfresh, type Superseding } from "./load-afresh.ts";
import { type LoadedConfig, loadConfig } from "./load-config.ts";
import { createLog } from "./log.ts";
import { plural, printProblems, printWarnings } from "./print.ts";
import { programs } from "./programs.ts";
import { readEnvironment } from "./read-environment.ts";
import { pathOf } from "./read-text-file.ts";
import { serve } from "./serve.ts";

export interface RunOptions {
  /** Reload when a file of the configuration changes. */
  readonly watch: boolean;
}

export async function run(file: string, { watch }: RunOptions, runtime: Runtime): Promise<number> {
  // Code of the configuration may go to another directory, where the name leads nowhere.
  const path = pathOf(file);
  const loaded = await loadConfig(file, readEnvironment);
  for (const line of printWarnings(loaded.warnings)) standardError.write(line);
  if ("problems" in loaded) {
    for (const line of printProblems(loaded.problems)) standardError.write(line);
    standardError.write(`millrace: ${plural(loaded.problems.length, "problem")}; nothing was started`);
    return EXIT_CONFIG;
  }
  programs.use(loaded.scripts);
  const log = createLog(loaded.config.log, runtime);
  let { origins } = loaded;
  let inUse = origins;
  const reloading = {
    async load(superseding: Superseding) {
      const again = await loadAfresh(path, readEnvironment, origins, superseding);
      origins = again.origins;
      return again;
    },
    onReloaded: ({ config, scripts, origins }: LoadedConfig) => {
      programs.use(scripts);
      log.goBy(config.log);
      const changed = changedCode(inUse, origins);
      inUse = origins;
      return changed;
    },
    watched: watch ? origins : null,
  };
  try {
    return await serve({ runtime, config: loaded.config, observer: log, reloading });
  } finally {
    log.close();
  }
}
