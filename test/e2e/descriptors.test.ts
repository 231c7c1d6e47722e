import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { curl } from "./curl.ts";
import { type Millrace, startForwarding, startMillraceWith } from "./millrace.ts";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";
import { pause, until } from "./wait.ts";

// Counted in /proc, which only Linux has.
describe("descriptors", { ignore: lacksTool("curl") || !existsSync("/proc/self/fd") }, () => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await startNodeBackend();
  });
  afterAll(async () => {
    await backend?.stop();
  });

  it("are all given back after 2,000 connections, whichever way they ended", async () => {
    const proxy = await startForwarding(backend.port, { timeouts: { poolIdle: "300ms" } });
    await visit(proxy.port, 0);
    await until(() => proxy.descriptors() > 0, "the process");
    await pause(600);
    const before = proxy.descriptors();
    let next = 0;
    const worker = async () => {
      while (next < 2_000) await visit(proxy.port, next++);
    };
    await Promise.all(Array.from({ length: 40 }, worker));
    await until(
      () => proxy.descriptors() <= before,
      () => `${proxy.descriptors()} descriptors, ${before} before`,
      8_000,
    );
    assert.equal((await curl([`${proxy.url}/bytes/3`])).status, 200);
    await proxy.stop();
  });

  it("Q02 may run out: with 256 of them the process outlives 1,000 clients, says so, and serves again", async () => {
    const args = ["proxy", "--listen", "127.0.0.1:0", "--to", `127.0.0.1:${backend.port}`];
    const proxy = await startMillraceWith(args, { descriptorsMax: 256 });
    let answered = 0;
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = connect(proxy.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.once("data", () => answered++);
      socket.write("GET /late/2500 HTTP/1.1\r\nHost: a\r\n\r\n");
      return socket;
    });
    // Once all have come, and before the backend answers: those who wait, or were refused, are no reason to be busy.
    await pause(1_200);
    const before = processorMs(proxy.pid);
    await pause(500);
    const used = processorMs(proxy.pid) - before;
    assert.ok(used < 250, `${used} ms of processor time in half a second`);
    await until(
      () => answered > 20,
      () => `only ${answered} clients were answered`,
    );
    assert.ok(proxy.isRunning, proxy.stderr);
    await proxy.says(/limit of open files|accepting failed|internal\.overloaded/);
    for (const socket of sockets) socket.destroy();
    await until(
      async () => (await curl([`${proxy.url}/bytes/3`])).status === 200,
      () => `serving again\n${proxy.stderr}`,
    );
    for (let i = 0; i < 5; i++) assert.equal((await curl([`${proxy.url}/bytes/3`])).status, 200);
    await until(
      () => proxy.descriptors() < 100,
      () => `${proxy.descriptors()} descriptors left open`,
    );
    await proxy.stop();
  });
});

// Their limit is lowered while they run.
describe("a process that has run out of descriptors", { ignore: lacksTool("prlimit") || lacksTool("curl") }, () => {
  const scratch = createScratch();
  let proxy: Millrace | undefined;
  afterEach(() => proxy?.stop());
  afterAll(() => scratch.remove());
  const run = async (...args: string[]): Promise<Millrace> => {
    proxy = await startMillraceWith(["run", ...args]);
    return proxy;
  };
  const limit = async ({ pid }: Millrace, descriptors: number) => {
    const { code, stderr } = await runProgram(["prlimit", "--pid", `${pid}`, `--nofile=${descriptors}:`]);
    assert.equal(code, 0, stderr);
  };
  /** What is limited is the number that a descriptor may have, and there are free ones below the highest. */
  const limitToFirstFree = async (proxy: Millrace, more = 0) => {
    const used = new Set(readdirSync(`/proc/${proxy.pid}/fd`).map(Number));
    let free = 0;
    while (used.has(free)) free++;
    await limit(proxy, free + more);
  };
  /** By clients, of whom one finds none: with a limit below what is open, what libuv spares for that moment would be no use. */
  const useUp = async (proxy: Millrace) => {
    const used = readdirSync(`/proc/${proxy.pid}/fd`).map(Number);
    const most = Math.max(...used) + 1;
    await limit(proxy, most);
    const connected = () => connect(proxy.port, "127.0.0.1").on("error", () => {});
    return Array.from({ length: most - used.length + 1 }, connected);
  };

  it("says so once in five seconds, is not busy with those who want to be accepted, and serves again", async () => {
    const file = scratch.write("none.yaml", 'listeners: ["127.0.0.1:0"]\nroutes: [{ respond: { body: ok } }]\n');
    const proxy = await run(file);
    assert.equal((await curl([proxy.url])).body, "ok");
    await pause(500); // what starting has opened is closed by then
    const clients = await useUp(proxy);
    await proxy.says(/error no descriptors are left, all \d+ of this process are in use: .* raise the limit/);
    await pause(300);
    const before = processorMs(proxy.pid);
    await pause(1_500);
    const used = processorMs(proxy.pid) - before;
    assert.ok(used < 500, `${used} ms of processor time in 1.5 s`);
    assert.equal(proxy.stderr.split("no descriptors are left").length, 2, proxy.stderr);
    for (const client of clients) client.destroy();
    await limit(proxy, 1_024);
    await until(
      async () => (await curl([proxy.url])).body === "ok",
      () => `serving again\n${proxy.stderr}`,
    );
  });

  it("outlasts a reload that needs a thread, and reloads once there are some again", async () => {
    const respond = (body: string) => `listeners: ["127.0.0.1:0"]\nroutes: [{ respond: { body: ${body} } }]\n`;
    const large = `# ${"x".repeat(20_000)}\n`;
    const file = scratch.write("large.yaml", respond("before") + large);
    const proxy = await run(file);
    scratch.write("large.yaml", respond("after") + large);
    await limitToFirstFree(proxy, 2);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: 1 problem; the old configuration goes on/);
    assert.match(proxy.stderr, /large\.yaml: could not be read: too few descriptors are left/);
    assert.equal((await curl([proxy.url])).body, "before");
    await limit(proxy, 1_024);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: reloaded/);
    assert.equal((await curl([proxy.url])).body, "after");
  });

  it("reloads what has changed meanwhile once there are some again", async () => {
    const respond = (body: string) => `listeners: ["127.0.0.1:0"]\nroutes: [{ respond: { body: ${body} } }]\n`;
    const file = scratch.write("watched.yaml", respond("before"));
    const proxy = await run("--watch", file);
    await pause(500); // what starting has opened is closed by then
    await limitToFirstFree(proxy);
    scratch.write("watched.yaml", respond("after"));
    await pause(2_500); // looked at anyway by then
    await limit(proxy, 1_024);
    await proxy.says(/files changed: reloaded/);
    assert.equal((await curl([proxy.url])).body, "after");
  });

  it("reads a list of servers that has changed meanwhile once there are some again", async () => {
    const list = (ports: readonly number[]) => JSON.stringify(ports.map((port) => `127.0.0.1:${port}`));
    scratch.write("list.json", list([1]));
    const upstreams = "upstreams: { app: { servers: [{ file: list.json }] } }";
    const file = scratch.write("a.yaml", `listeners: ["127.0.0.1:0"]\n${upstreams}\nroutes: [{ upstream: app }]\n`);
    const proxy = await run(file);
    await pause(500); // what starting has opened is closed by then
    await limitToFirstFree(proxy);
    scratch.write("list.json", list([1, 2]));
    await proxy.says(/list\.json: its servers stay as they were/);
    await pause(2_500);
    assert.equal(proxy.stderr.split("stay as they were").length, 2, proxy.stderr);
    await limit(proxy, 1_024);
    await proxy.says(/upstream app has 2 servers now/);
  });
});

/** Processor time a process has used, in milliseconds: fields 14 and 15 of its `stat`, in hundredths of a second. */
function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** One connection: it ends after an answer, without a request, by a reset, or in the middle of either message. */
function visit(port: number, number: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const ways = [
      () => socket.write("GET /bytes/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
      () => socket.end(),
      () => socket.resetAndDestroy(),
      () => socket.write("GET /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n"),
      () => socket.end("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"),
      () => socket.write("GET /bytes/100000000 HTTP/1.1\r\nHost: a\r\n\r\n"),
      () => socket.write("nonsense\r\n\r\n"),
    ];
    socket.once("connect", ways[number % ways.length] ?? (() => socket.end()));
    socket.once("data", () => number % ways.length !== 0 && socket.destroy());
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.once("close", () => resolve());
    setTimeout(() => socket.destroy(), 5_000).unref();
  });
}
