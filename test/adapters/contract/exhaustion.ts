import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, connect as netConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { it } from "@std/testing/bdd";
import type { Runtime } from "../../../core/runtime.ts";
import { spawnChild } from "./child-process.ts";
import { Far } from "./link.ts";
import { aMoment } from "./recorder.ts";

const DESCRIPTORS_MAX = 80;
const CLIENTS = 130;

/** More clients than descriptors: the process lives, is told, does not spin, and accepts again afterwards. */
export function exhaustion(runtime: Runtime): void {
  (existsSync("/proc/self/stat") ? it : it.ignore)("survives running out of descriptors (Linux)", async () => {
    const child = await spawnChild(runtime, ["echo"], DESCRIPTORS_MAX);
    const to = { port: Number(child.firstLine), host: "127.0.0.1" };
    const clients: Far[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      clients.push(new Far(netConnect(to)));
      if (i % 20 === 0) await aMoment(5);
    }
    for (let i = 0; i < 150 && !child.output().includes("accept: EMFILE"); i++) await aMoment(20);
    ok(child.output().includes("accept: EMFILE"), child.output());
    await aMoment(150);
    const before = cpuTicks(child.pid);
    await aMoment(500);
    ok(cpuTicks(child.pid) - before < 20, `${cpuTicks(child.pid) - before} ticks of 10 ms`);
    for (const client of clients) client.raw.destroy();
    await aMoment(100);
    const late = new Far(netConnect(to));
    late.raw.write("echo");
    await late.untilBytes(4);
    strictEqual(late.text(), "echo");
    late.raw.destroy();
    process.kill(child.pid, "SIGTERM");
    await child.exited;
  });

  const isLinux = existsSync("/proc/self/stat");
  (isLinux ? it : it.ignore)("says EMFILE of connects while no descriptor is left, and throws nothing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "contract-"));
    const path = join(folder, "server.sock");
    const servers = [createServer(), createServer()] as const;
    await new Promise<void>((resolve) => servers[0].listen(0, "127.0.0.1", resolve));
    await new Promise<void>((resolve) => servers[1].listen(path, resolve));
    const { port } = servers[0].address() as AddressInfo;
    try {
      const child = await spawnChild(runtime, ["exhausted", `${port}`, path], DESCRIPTORS_MAX);
      deepStrictEqual(JSON.parse(child.firstLine), {
        without: ["load", "EMFILE", "EMFILE"],
        again: ["load", "connected", "connected"],
      });
      await child.exited;
    } finally {
      for (const server of servers) server.close();
      rmSync(folder, { recursive: true });
    }
  });
}

/** User and system time of a process, in clock ticks: fields 14 and 15, counted after the name in parentheses. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
