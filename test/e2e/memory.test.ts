// Backpressure all the way: what one side does not take is not read from the other.

import assert from "node:assert/strict";
import { closeSync, existsSync, ftruncateSync, openSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";
import { pause } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

const MIB = 1024 * 1024;
const GROWTH_BYTES_MAX = 32 * MIB;

// Read from /proc, which only Linux has.
describe("memory of the proxy", { ignore: lacksTool("curl") || !existsSync("/proc/self/status") }, () => {
  const scratch = createScratch();
  const length = 256 * MIB;
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port);
    const file = openSync(scratch.path("upload"), "w");
    ftruncateSync(file, length);
    closeSync(file);
    // What the runtime takes for its first requests is no growth.
    for (const args of [[`${proxy.url}/bytes/1000000`], ["-T", "-", `${proxy.url}/upload`]]) await transfer(args);
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
    scratch.remove();
  });

  async function transfer(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram(
      ["curl", "-q", "--silent", "--show-error", "--fail", "--noproxy", "*", "-H", "Expect:", ...args],
      { timeoutMs: 40_000, input: "x" },
    );
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** By how much the resident memory grows at most while `work` is under way. */
  async function growthDuring<T>(work: Promise<T>): Promise<{ bytes: number; result: T }> {
    const before = proxy.residentBytes();
    let most = before;
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      most = Math.max(most, proxy.residentBytes());
      await pause(20);
    }
    return { bytes: most - before, result: await done };
  }

  const inBounds = (bytes: number) => assert.ok(bytes <= GROWTH_BYTES_MAX, `grew by ${(bytes / MIB).toFixed(1)} MiB`);

  it("stays while a fast server sends to a slow client", async () => {
    const { bytes } = await growthDuring(
      transfer(["--limit-rate", "70M", "-o", "/dev/null", `${proxy.url}/bytes/${length}`]),
    );
    inBounds(bytes);
  });

  it("stays while a fast server sends chunks as fast as can be", async () => {
    const { bytes } = await growthDuring(transfer(["-o", "/dev/null", `${proxy.url}/chunked/${length}`]));
    inBounds(bytes);
  });

  it("stays while a fast client sends to a slow server", async () => {
    const path = `/slow-upload/${70 * MIB}`;
    const { bytes, result } = await growthDuring(transfer(["-T", scratch.path("upload"), `${proxy.url}${path}`]));
    assert.equal(result, String(length));
    inBounds(bytes);
  });

  it("stays while 20 clients ask for much and read nothing", async () => {
    const work = async () => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => connectWire(proxy.port)));
      for (const client of clients) {
        client.stopReading();
        client.send(`GET /bytes/${length} HTTP/1.1\r\nHost: a\r\n\r\n`);
      }
      await pause(1_500);
      for (const client of clients) client.destroy();
    };
    const { bytes } = await growthDuring(work());
    inBounds(bytes);
  });
});
