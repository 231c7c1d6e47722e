/** Ports for what the bench starts: below the range outgoing connections take theirs from, so that none is lost to one. */

import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "./child.ts";

const FIRST = 21000;
const LAST = 21999;
const READY_MS = 20_000;

let next = FIRST + (process.pid % 500);

export async function freePort(): Promise<number> {
  while (next <= LAST) {
    const port = next++;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`);
}

/** Resolves when a GET is answered with 200; rejects when the process ends or nothing came in time. */
export async function answers(child: Child, port: number, path: string): Promise<void> {
  const deadlineMs = performance.now() + READY_MS;
  while (child.isRunning && performance.now() < deadlineMs) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
      await response.arrayBuffer();
      if (response.status === 200) return;
    } catch {
      // Not yet.
    }
    await delay(50);
  }
  throw new Error(`${child.name} did not answer: ${child.lastWords.trim() || "it said nothing"}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
