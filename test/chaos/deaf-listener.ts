import { connect, type Socket } from "node:net";
import { startProgram } from "../e2e/program.ts";
import { within } from "../e2e/wait.ts";
import { executableOf } from "../support/runtime-command.ts";

/**
 * A listener that never accepts, with its backlog full: to everybody else the handshake hangs. Runtimes always accept what
 * comes, Deno and Bun in a thread that sleeps, too, so the listener is a process of Node's that has fallen asleep.
 */
export interface DeafListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Port 0 is any that is free. */
export async function startDeafListener(host: string, port: number): Promise<DeafListener> {
  const program = startProgram([executableOf("node"), "-e", SLEEPER, host, `${port}`]);
  const [, bound] = await program.says(/listening (\d+)/);
  // Linux holds one connection more than the backlog says; what comes then has its SYN dropped.
  const fillers = Array.from({ length: BACKLOG + 3 }, () => filler(host, Number(bound)));
  await within(Promise.race(fillers.map(({ connected }) => connected)), "the backlog to fill");
  return {
    port: Number(bound),
    async close() {
      for (const { socket } of fillers) socket.destroy();
      // What stands in the backlog is reset; nothing new comes.
      await program.stop();
    },
  };
}

const BACKLOG = 1;

// Plain JavaScript, because Node 20 knows no other. Asleep, it serves no events; nobody may start it and forget it.
const SLEEPER = `
const [host, port] = process.argv.slice(1);
const server = require("node:net").createServer();
server.listen({ host, port: Number(port), backlog: ${BACKLOG} }, () => {
  require("node:fs").writeSync(1, "listening " + server.address().port + "\\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 280_000);
  process.exit(3);
});`;

function filler(host: string, port: number): { readonly socket: Socket; readonly connected: Promise<void> } {
  const socket = connect({ host, port });
  socket.on("error", () => {});
  return { socket, connected: new Promise((resolve) => socket.once("connect", () => resolve())) };
}
