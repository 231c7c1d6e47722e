import { readdirSync, readFileSync } from "node:fs";
import type { Config } from "../../core/config/define.ts";
import { cliCommand } from "../support/runtime-command.ts";
import { type Program, startProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

/** The command line tool as a process of the runtime under test. */
export interface Millrace extends Program {
  /** The port of the first TCP listener; 0 when there is none. */
  readonly port: number;
  readonly url: string;
  /** Resident memory now. */
  residentBytes(): number;
  /** Open descriptors now. */
  descriptors(): number;
}

/** `millrace run` on a configuration. */
export async function startMillrace(config: Config): Promise<Millrace> {
  const scratch = createScratch();
  const file = scratch.write("millrace.json", JSON.stringify(config));
  try {
    return await started([...cliCommand(), "run", file], {});
  } finally {
    scratch.remove();
  }
}

/** `millrace proxy` to one server, on a port the system chooses. */
export function startForwarding(to: number | string, config: Partial<Config> = {}): Promise<Millrace> {
  return startMillrace({
    listeners: ["127.0.0.1:0"],
    upstreams: { backend: { servers: [typeof to === "number" ? `127.0.0.1:${to}` : to] } },
    routes: [{ id: "all", upstream: "backend" }],
    ...config,
  });
}

export interface StartOptions {
  /** For `ulimit -n`. */
  readonly descriptorsMax?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export async function startMillraceWith(args: readonly string[], options: StartOptions = {}): Promise<Millrace> {
  return await started([...cliCommand(), ...args], options);
}

async function started(
  command: readonly string[],
  { descriptorsMax, env = {}, cwd = process.cwd() }: StartOptions,
): Promise<Millrace> {
  const argv =
    descriptorsMax === undefined ? command : ["sh", "-c", `ulimit -n ${descriptorsMax}; exec "$0" "$@"`, ...command];
  const program = startProgram(argv, { env, cwd });
  const [, where = ""] = await program.says(/listening on (\S+)/);
  const port = Number(/:(\d+)$/.exec(where)?.[1] ?? 0);
  return Object.defineProperties(program, {
    port: { value: port },
    url: { value: `http://127.0.0.1:${port}` },
    residentBytes: { value: () => residentBytesOf(program.pid) },
    descriptors: { value: () => readdirSync(`/proc/${program.pid}/fd`).length },
  }) as Millrace;
}

function residentBytesOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`no VmRSS for process ${pid}`);
  return Number(kib) * 1024;
}
