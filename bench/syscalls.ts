/**
 * System calls per small request of the whole program on each runtime: one connection, one request at a time, so that
 * they come out the same on a busy machine.
 *
 *   npm run -s bench:syscalls                            as JSON; needs strace
 *   npm run -s bench:syscalls > bench/syscalls.json      what `test/bench/syscalls.test.ts` holds later ones against
 *
 * But for Deno's reads and waits, which depend on when its loop sleeps: the file has the most there can be, by hand.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { cliCommandOn, type RuntimeName } from "../test/support/runtime-command.ts";
import { REQUEST, RESPONSE } from "./fake-runtime.ts";
import { freePort } from "./port.ts";

const RUNTIMES: readonly RuntimeName[] = ["node24", "deno", "bun"];
/** What moves bytes, or waits for them; the rest is memory, threads, files and time. */
const KINDS = { reads: /^(?:readv?|recv\w+)$/, writes: /^(?:writev?|send(?:to|msg|mmsg))$/, waits: /^epoll_p?wait2?$/ };
/** The difference is counted: what starting and stopping needs goes away. */
const FEW = 500;
const MANY = 1_500;
const START_MS_MAX = 15_000;

const folder = mkdtempSync(join(tmpdir(), "millrace-syscalls-"));
const origin = createServer((socket) => {
  socket.setNoDelay();
  socket.on("data", () => void socket.write(RESPONSE));
  socket.on("error", () => {});
});
origin.listen(0, "127.0.0.1");
await once(origin, "listening");
const counts: Record<string, Record<string, number>> = {};
for (const runtime of RUNTIMES) {
  const few = await countedBy(runtime, FEW);
  const many = await countedBy(runtime, MANY);
  const perRequest = Object.entries(KINDS).map(([kind, names]) => {
    const count = (sumOf(many, names) - sumOf(few, names)) / (MANY - FEW);
    return [kind, Math.round(count * 10) / 10] as const;
  });
  counts[runtime] = Object.fromEntries(perRequest);
}
origin.close();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify(counts, null, 2));
process.exit(0);

/** All calls of a proxy that lived for so many requests, by name. */
async function countedBy(runtime: RuntimeName, requests: number): Promise<ReadonlyMap<string, number>> {
  const port = await freePort();
  const report = join(folder, `${runtime}-${requests}`);
  const to = `127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const proxy = [...cliCommandOn(runtime), "proxy", "--listen", `127.0.0.1:${port}`, "--to", to];
  const strace = spawn("strace", ["-f", "-c", "-U", "name,calls", "-o", report, ...proxy], { stdio: "ignore" });
  try {
    const client = await reached(port);
    for (let i = 0; i < requests; i++) {
      client.write(REQUEST);
      await once(client, "data");
    }
    client.destroy();
  } finally {
    // strace itself passes nothing on: the program it runs is what has to end.
    const children = readFileSync(`/proc/${strace.pid}/task/${strace.pid}/children`, "utf8").trim().split(" ");
    for (const pid of children) process.kill(Number(pid), "SIGTERM");
  }
  if (strace.exitCode === null) await once(strace, "exit");
  const rows = readFileSync(report, "utf8").matchAll(/^(\w+) +(\d+)$/gm);
  return new Map([...rows].map(([, name = "", calls]) => [name, Number(calls)]));
}

function sumOf(calls: ReadonlyMap<string, number>, names: RegExp): number {
  let sum = 0;
  for (const [name, count] of calls) if (names.test(name)) sum += count;
  return sum;
}

/** A connection, once somebody listens there. */
async function reached(port: number): Promise<Socket> {
  const giveUpMs = performance.now() + START_MS_MAX;
  for (;;) {
    const socket = connect(port, "127.0.0.1").setNoDelay();
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    if (isOpen) return socket;
    if (performance.now() > giveUpMs) throw new Error(`nobody listens on port ${port} after ${START_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
