/** `millrace proxy --listen ADDRESS --to HOST:PORT`: a proxy without a file. */

import type { BalanceName } from "../core/balance/names.ts";
import { compileConfig } from "../core/config/compile.ts";
import type { Config } from "../core/config/define.ts";
import { formatPath } from "../core/config/problem.ts";
import type { Runtime } from "../core/runtime.ts";
import { EXIT_USAGE } from "./exit-codes.ts";
import type { Outputs } from "./line-writer.ts";
import { createLog } from "./log.ts";
import { serve } from "./serve.ts";

export interface ProxyOptions {
  readonly listen: readonly string[];
  readonly to: readonly string[];
  readonly balance: BalanceName;
  readonly accessLog: "json" | "text" | null;
}

export async function proxy(options: ProxyOptions, runtime: Runtime, { err }: Outputs): Promise<number> {
  const compiled = compileConfig(configOf(options));
  if ("problems" in compiled) {
    for (const { path, message } of compiled.problems) err.write(`millrace: ${optionOf(formatPath(path))}: ${message}`);
    return EXIT_USAGE;
  }
  const log = createLog(compiled.log, runtime);
  try {
    return await serve({ runtime, config: compiled, observer: log });
  } finally {
    log.close();
  }
}

function configOf({ listen, to, balance, accessLog }: ProxyOptions): Config {
  return {
    listeners: [...listen],
    upstreams: { to: { servers: [...to], balance } },
    routes: [{ id: "proxy", upstream: "to" }],
    log: { access: accessLog !== null, format: accessLog ?? "json" },
  };
}

/** The configuration was made from options; its problems are theirs. */
function optionOf(path: string): string {
  if (path.startsWith("listeners")) return "--listen";
  if (path.startsWith("upstreams.to.servers")) return "--to";
  return path;
}
