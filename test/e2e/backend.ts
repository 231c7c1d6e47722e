import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { executableOf, projectRoot, scriptOptions } from "../support/runtime-command.ts";
import { type Program, startProgram } from "./program.ts";
import { PATIENCE_MS } from "./wait.ts";

/** A server of another program, behind the proxy. */
export interface Backend extends Program {
  readonly port: number;
}

/** Node's own HTTP server, on Node whatever the runtime under test is; see `node-backend.ts`. */
export async function startNodeBackend(listenOn: string | 0 = 0): Promise<Backend> {
  return await startScript("node-backend.ts", [String(listenOn)]);
}

/** What a Node server answers when asked directly, past the proxy. */
export async function askBackend(backend: Backend, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${backend.port}${path}`, {
    headers: { Connection: "close" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return await response.text();
}

/** A script of this folder on Node; it says `listening PORT`. */
export async function startScript(name: string, args: readonly string[]): Promise<Backend> {
  const program = startProgram(nodeScript(name, args));
  const [, port] = await program.says(/listening (\d+)/);
  return Object.defineProperty(program, "port", { value: Number(port) }) as Backend;
}

/** From the runner's bundles, if it made some (`bundle-scripts.ts`). */
export function nodeScript(name: string, args: readonly string[] = []): string[] {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const folder = process.env["MILLRACE_SCRIPTS"];
  if (folder !== undefined) {
    const bundle = join(folder, relative(projectRoot, path).replace(/\.ts$/, ".mjs"));
    if (existsSync(bundle)) return [executableOf("node"), "--enable-source-maps", bundle, ...args];
  }
  return [executableOf("node"), ...scriptOptions("node"), path, ...args];
}

/** A port nobody listened on a moment ago; whoever uses it tries again when somebody was faster. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export function connects(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true)).once("error", () => done(false));
  });
}
