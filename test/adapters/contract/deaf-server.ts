import { spawn } from "node:child_process";
import { connect } from "node:net";
import { executableOf } from "../../support/runtime-command.ts";

/** A server that never accepts, and whose queue is full: to everybody else the handshake hangs. */
export interface DeafServer {
  readonly port: number;
  close(): void;
}

/** A process of Node that has fallen asleep: Bun and Deno accept in whatever thread listens. */
export async function startDeafServer(): Promise<DeafServer> {
  const child = spawn(executableOf("node"), ["-e", SLEEPER], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("error", reject).once("exit", (code) => reject(new Error(`the deaf server left with ${code}`)));
    child.stdout.once("data", (line) => resolve(Number(line)));
  });
  // Linux takes one connection more than the backlog says; what comes then has its SYN dropped.
  const fillers = Array.from({ length: BACKLOG + 3 }, () => connect({ host: "127.0.0.1", port }).on("error", () => {}));
  await Promise.race(fillers.map((filler) => new Promise((resolve) => filler.once("connect", resolve))));
  return {
    port,
    close() {
      for (const filler of fillers) filler.destroy();
      child.removeAllListeners("exit");
      child.kill("SIGKILL");
    },
  };
}

const BACKLOG = 1;
const SLEEP_MS_MAX = 60_000;
const SLEEPER = `
const server = require("node:net").createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: ${BACKLOG} }, () => {
  require("node:fs").writeSync(1, String(server.address().port));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${SLEEP_MS_MAX});
  process.exit();
});`;
