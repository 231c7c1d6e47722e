/**
 * Resident memory of a keep-alive connection that waits for its next request. The process has served other requests
 * on other connections before, so that what it loads and compiles once is not counted.
 */

import { connect, type Socket as NetSocket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { PATHS } from "./nginx.ts";
import { residentKiB } from "./process-usage.ts";
import type { StartedTarget } from "./start-targets.ts";

export interface IdleSample {
  readonly target: string;
  readonly connections: number;
  readonly kibPerConnection: number;
}

const IDLE_CONNECTIONS = 2000;
const WARM_UP_CONNECTIONS = 200;
/** So many are opened at once. */
const BATCH = 64;
const SETTLE_MS = 1500;

export async function measureIdle({ name, child, port }: StartedTarget): Promise<IdleSample> {
  await hold(port, WARM_UP_CONNECTIONS, async () => {});
  await delay(SETTLE_MS);
  const beforeKiB = residentKiB(child.pid);
  let heldKiB = 0;
  await hold(port, IDLE_CONNECTIONS, async () => {
    await delay(SETTLE_MS);
    heldKiB = residentKiB(child.pid);
  });
  const kibPerConnection = (heldKiB - beforeKiB) / IDLE_CONNECTIONS;
  return { target: name, connections: IDLE_CONNECTIONS, kibPerConnection };
}

/** Opens connections, each with one answered request, and keeps all of them while `held` runs. */
async function hold(port: number, count: number, held: () => Promise<void>): Promise<void> {
  const sockets: NetSocket[] = [];
  try {
    while (sockets.length < count) {
      const batch = Math.min(BATCH, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: batch }, () => oneRequest(port)))));
    }
    await held();
    const lost = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (lost > 0) throw new Error(`${lost} of ${count} idle connections were closed while they were measured`);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function oneRequest(port: number): Promise<NetSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let answer = "";
    const onData = (bytes: Buffer) => {
      answer += bytes.toString("latin1");
      const head = answer.indexOf("\r\n\r\n");
      const length = /^content-length: *(\d+)/im.exec(answer)?.[1];
      if (head === -1 || length === undefined || answer.length < head + 4 + Number(length)) return;
      socket.off("data", onData);
      resolve(socket);
    };
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed before it answered")));
    socket.on("data", onData);
    socket.write(`GET ${PATHS.small} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  });
}
