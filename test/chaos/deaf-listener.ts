import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { within } from "../e2e/wait.ts";

/**
 * A listener that never accepts, with its backlog full: to everybody else the handshake hangs. Node always accepts
 * what comes, so the listener lives in a thread that sleeps.
 */
export interface DeafListener {
  close(): Promise<void>;
}

export async function startDeafListener(host: string, port: number): Promise<DeafListener> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SLEEPER, { eval: true, workerData: { host, port, gate } });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  await within(
    new Promise<void>((resolve, reject) => {
      worker.once("message", () => resolve()).once("error", reject);
    }),
    "a listener that never accepts",
  );
  // Linux holds one connection more than the backlog says; what comes then has its SYN dropped.
  const fillers = Array.from({ length: BACKLOG + 3 }, () => filler(host, port));
  await within(Promise.race(fillers.map(({ connected }) => connected)), "the backlog to fill");
  return {
    async close() {
      for (const { socket } of fillers) socket.destroy();
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      await within(exited, "the end of a listener that never accepts");
    },
  };
}

const BACKLOG = 1;

// Plain JavaScript, because a thread made from text knows no loader. Asleep, it serves no events: none are accepted.
const SLEEPER = `
const { workerData: { host, port, gate }, parentPort } = require("node:worker_threads");
const server = require("node:net").createServer((socket) => socket.resetAndDestroy());
server.listen({ host, port, backlog: ${BACKLOG} }, () => {
  parentPort.postMessage("listening");
  setImmediate(() => {
    Atomics.wait(gate, 0, 0);
    // What stands in the backlog is accepted in the next turn and reset; nothing new comes.
    setImmediate(() => setImmediate(() => server.close()));
  });
});`;

function filler(host: string, port: number): { readonly socket: Socket; readonly connected: Promise<void> } {
  const socket = connect({ host, port });
  socket.on("error", () => {});
  return { socket, connected: new Promise((resolve) => socket.once("connect", () => resolve())) };
}
