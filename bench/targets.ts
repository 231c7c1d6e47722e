/** Everything that can be measured: what it takes, and the command that starts it. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import {
  cliCommandOn,
  executableOf,
  missingRuntime,
  projectRoot,
  type RuntimeName,
  runtimeNames,
  scriptOptions,
} from "../test/support/runtime-command.ts";
import type { Setup } from "./cases.ts";
import { pathOf, versionOf } from "./installed.ts";
import { writeProxyConfig } from "./nginx.ts";
import { configModule } from "./setup-config.ts";

export interface Target {
  readonly name: string;
  /** Beside the proxies stand the pipes: what the runtime's sockets cost without HTTP. */
  readonly kind: "millrace" | "pipe" | "other";
  readonly setup: Setup;
  readonly compilesWhileRunning: boolean;
  /** One line that says what is missing and how to get it; null when nothing is. */
  readonly missing: string | null;
  version(): string;
  /** `folder` is its own, for a configuration file and the like. */
  command(ports: Ports, folder: string): readonly string[];
}

export interface Ports {
  readonly listen: number;
  readonly origin: number;
}

/** `text` is "node24 --max-semi-space-size=32": that runtime with options. */
export function targetWith(text: string): Target {
  const [name, ...options] = text.trim().split(/\s+/);
  const runtime = runtimeNames.find((one) => one === name);
  if (runtime === undefined) throw new Error(`--with ${text}: begins with one of ${runtimeNames.join(", ")}`);
  return millrace(runtime, options);
}

export function allTargets(): readonly Target[] {
  return [
    program("nginx", ["-v"], ({ listen, origin }, folder) => writeProxyConfig(folder, listen, origin, false)),
    program("haproxy", ["-v"], haproxyArgs),
    program("caddy", ["version"], caddyArgs),
    ...runtimeNames.map((runtime) => millrace(runtime)),
    ...runtimeNames.map(pipe),
    nginxWithRoutes(),
    ...runtimeNames.map((runtime) => millraceWith(runtime, "routes")),
    ...runtimeNames.map((runtime) => millraceWith(runtime, "hook")),
    npmPackage("httpxy"),
    npmPackage("http-proxy-3"),
  ];
}

/** With `options` for the runtime; of them, `NAME=value` is set in its environment. */
export function millrace(runtime: RuntimeName, options: readonly string[] = []): Target {
  const command = cliCommandOn(runtime);
  const variables = options.filter((option) => /^[A-Z_0-9a-z]+=/.test(option));
  const flags = options.filter((option) => !variables.includes(option));
  const program = [...command.slice(0, -1), ...flags, ...command.slice(-1)];
  return {
    name: [`millrace-${runtime}`, ...options].join(" "),
    kind: "millrace",
    setup: "plain",
    compilesWhileRunning: true,
    missing: missingRuntime(runtime),
    version: () => `${manifest.version} on ${versionOf([executableOf(runtime), "--version"])}`,
    command: ({ listen, origin }) => [
      ...(variables.length > 0 ? ["env", ...variables] : []),
      ...program,
      ...["proxy", "--listen", `127.0.0.1:${listen}`, "--to", `127.0.0.1:${origin}`],
    ],
  };
}

/** `millrace-bun+hook`: the same, configured by a file. */
function millraceWith(runtime: RuntimeName, setup: Exclude<Setup, "plain">): Target {
  return {
    ...millrace(runtime),
    name: `millrace-${runtime}+${setup}`,
    setup,
    command: ({ listen, origin }, folder) => [
      ...cliCommandOn(runtime),
      ...["run", write(folder, "millrace.config.mjs", configModule(setup, listen, origin))],
    ],
  };
}

function nginxWithRoutes(): Target {
  const command = ({ listen, origin }: Ports, folder: string) => writeProxyConfig(folder, listen, origin, true);
  return { ...program("nginx", ["-v"], command), name: "nginx+routes", setup: "routes" };
}

function pipe(runtime: RuntimeName): Target {
  return {
    name: `pipe-${runtime}`,
    kind: "pipe",
    setup: "plain",
    compilesWhileRunning: true,
    missing: missingRuntime(runtime),
    version: () => versionOf([executableOf(runtime), "--version"]),
    command: ({ listen, origin }) => [
      ...[executableOf(runtime), ...scriptOptions(runtime), join(projectRoot, "bench", "pipe.ts")],
      ...["--listen", `${listen}`, "--to", `${origin}`],
    ],
  };
}

function npmPackage(name: "httpxy" | "http-proxy-3"): Target {
  const folder = join(projectRoot, "node_modules", name);
  const missing = existsSync(folder) ? missingRuntime("node24") : `${name} is not installed: run \`npm ci\``;
  return {
    name,
    kind: "other",
    setup: "plain",
    compilesWhileRunning: true,
    missing,
    version: () => manifest.devDependencies[name],
    command: ({ listen, origin }) => [
      ...[executableOf("node24"), join(projectRoot, "bench", "npm-proxy.ts")],
      ...["--package", name, "--listen", `${listen}`, "--to", `${origin}`],
    ],
  };
}

function program(name: string, versionArgs: readonly string[], args: Target["command"]): Target {
  const path = pathOf(name);
  return {
    name,
    kind: "other",
    setup: "plain",
    compilesWhileRunning: false,
    missing: path === null ? `${name} is not installed: the distribution's package has the same name` : null,
    version: () => versionOf([path as string, ...versionArgs]),
    command: (ports, folder) => [path as string, ...args(ports, folder)],
  };
}

function haproxyArgs({ listen, origin }: Ports, folder: string): readonly string[] {
  const path = write(
    folder,
    "haproxy.cfg",
    `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend clients
  bind 127.0.0.1:${listen} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:${origin}
`,
  );
  return ["-db", "-f", path];
}

function caddyArgs({ listen, origin }: Ports, folder: string): readonly string[] {
  const path = write(
    folder,
    "Caddyfile",
    `{
  admin off
  auto_https off
}
http://127.0.0.1:${listen} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${origin} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
  );
  return ["run", "--adapter", "caddyfile", "--config", path];
}

function write(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
