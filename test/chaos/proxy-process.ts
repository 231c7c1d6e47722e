import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { residentKiB } from "../../bench/process-usage.ts";
import type { Config } from "../../core/config/define.ts";
import { type Program, startProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { cliCommandOn, type RuntimeName } from "../support/runtime-command.ts";
import type { Target } from "./client-connection.ts";

/** The command line tool under test, with a configuration file that can be written anew. */
export interface ProxyProcess extends Program {
  readonly target: Target;
  /** Replaces the file and says so by SIGHUP; what comes of it stands in the output. */
  reload(content: Config | string): void;
  /** Open descriptors now; -1 where there is no /proc. */
  descriptors(): number;
  residentBytes(): number;
}

export interface ProxyOptions {
  readonly runtime: RuntimeName;
  readonly config: Config;
  /** For `ulimit -n`. */
  readonly descriptorsMax?: number;
}

/** On a machine that does much else. */
const STARTS_WITHIN_MS = 30_000;

export async function startProxy({ runtime, config, descriptorsMax }: ProxyOptions): Promise<ProxyProcess> {
  const scratch = createScratch();
  const file = scratch.write("millrace.json", JSON.stringify(config));
  const command = [...cliCommandOn(runtime), "run", file];
  const program = startProgram(
    descriptorsMax === undefined ? command : ["sh", "-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`, ...command],
  );
  const [, host = "", port = ""] = await program.says(/listening on http:\/\/([\d.]+):(\d+)/, STARTS_WITHIN_MS);
  const stop = program.stop;
  return Object.defineProperties(program, {
    target: { value: { host, port: Number(port) } },
    reload: {
      value(content: Config | string) {
        writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
        program.signal("SIGHUP");
      },
    },
    descriptors: { value: () => descriptorsOf(program.pid) },
    residentBytes: { value: () => residentKiB(program.pid) * 1024 },
    stop: {
      async value() {
        await stop.call(program);
        scratch.remove();
      },
    },
  }) as ProxyProcess;
}

function descriptorsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return existsSync(folder) ? readdirSync(folder).length : -1;
}
