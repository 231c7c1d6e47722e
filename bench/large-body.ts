// A body larger than any buffer, down and up through Millrace on each runtime: it arrives unchanged, and the memory
// stays what it was. Then the same at the pace of a slow reader, on a smaller body, all runtimes at the same time.
//
//   npm run bench:large-body                                     5 GiB each way, 64 MiB for the slow readers
//   npm run bench:large-body -- --size 256MiB --runtimes bun     as a test
//
// Options: --size SIZE, --slow-size SIZE (0 leaves it out), --slow-rate SIZE (1MiB, per second), --runtimes a,b,
// --growth SIZE (32MiB: how much more memory is too much). Exit code 1 when anything fails.

import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import {
  cliCommandOn,
  missingRuntime,
  projectRoot,
  type RuntimeName,
  runtimeNames,
} from "../test/support/runtime-command.ts";
import { byteStream, hashOfStream } from "./byte-stream.ts";
import { type Child, startChild, stopChildren, stopChildrenWithUs } from "./child.ts";
import { type Hashed, pacedHash } from "./paced-hash.ts";
import { answers, freePort } from "./port.ts";
import { table } from "./report.ts";
import { watchMemory } from "./watch-memory.ts";

interface Proxy {
  readonly runtime: RuntimeName;
  readonly child: Child;
  readonly port: number;
}

interface Transfer {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  run(port: number): Promise<Hashed>;
}

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "5GiB" },
    "slow-size": { type: "string", default: "64MiB" },
    "slow-rate": { type: "string", default: "1MiB" },
    growth: { type: "string", default: "32MiB" },
    runtimes: { type: "string", default: runtimeNames.join(",") },
  },
});
const growthMaxMiB = sizeFrom("--growth", values.growth) / 2 ** 20;
const rows: string[][] = [];
let failed = false;

stopChildrenWithUs(() => {});
try {
  await main();
} catch (error) {
  console.error(`large-body: ${error instanceof Error ? error.message : String(error)}`);
  failed = true;
} finally {
  await stopChildren();
}
process.exitCode = failed ? 1 : 0;

async function main(): Promise<void> {
  const size = sizeFrom("--size", values.size);
  const slowSize = sizeFrom("--slow-size", values["slow-size"]);
  const slowRate = sizeFrom("--slow-rate", values["slow-rate"]);
  const runtimes = runtimeNames.filter((name) => values.runtimes.split(",").includes(name));
  const present = runtimes.filter((name) => missingRuntime(name) === null);
  for (const name of runtimes) {
    if (missingRuntime(name) === null) continue;
    console.log(`Not measured: ${missingRuntime(name)}`);
    failed = true;
  }
  const originPort = await freePort();
  const origin = startChild({
    name: "origin",
    command: [process.execPath, "--import", "tsx", join(projectRoot, "bench", "byte-origin.ts")].concat(
      "--listen",
      `${originPort}`,
    ),
    core: null,
    directory: projectRoot,
  });
  await answers(origin, originPort, "/?bytes=1");

  const fast = fastTransfers(size);
  for (const runtime of present) {
    for (const transfer of fast) {
      const proxy = await startProxy(runtime, originPort);
      await check(proxy, transfer);
      await proxy.child.stop();
    }
  }
  if (slowSize > 0) {
    for (const transfer of slowTransfers(slowSize, slowRate)) {
      await Promise.all(
        present.map(async (runtime) => {
          const proxy = await startProxy(runtime, originPort);
          await check(proxy, transfer);
          await proxy.child.stop();
        }),
      );
    }
  }
  console.log(`\n${table([["", "body", "seconds", "MiB before", "MiB growth", "verdict"], ...rows])}`);
}

function fastTransfers(bytes: number): readonly Transfer[] {
  const sha256 = hashOfStream(bytes);
  return [
    { name: "download", bytes, sha256, run: (port) => download(port, bytes, null) },
    { name: "upload", bytes, sha256, run: (port) => upload(port, bytes, null) },
  ];
}

function slowTransfers(bytes: number, rate: number): readonly Transfer[] {
  const sha256 = hashOfStream(bytes);
  return [
    { name: "download, slow client", bytes, sha256, run: (port) => download(port, bytes, rate) },
    { name: "upload, slow origin", bytes, sha256, run: (port) => upload(port, bytes, rate) },
  ];
}

async function startProxy(runtime: RuntimeName, originPort: number): Promise<Proxy> {
  const port = await freePort();
  const command = [
    ...cliCommandOn(runtime),
    "proxy",
    "--listen",
    `127.0.0.1:${port}`,
    "--to",
    `127.0.0.1:${originPort}`,
  ];
  const child = startChild({ name: `millrace-${runtime}`, command, core: null });
  await answers(child, port, "/?bytes=1");
  return { runtime, child, port };
}

/** The state before is that of a process that has answered one request. */
async function check({ runtime, child, port }: Proxy, transfer: Transfer): Promise<void> {
  const watch = watchMemory(child.pid);
  const startedMs = performance.now();
  const got = await transfer.run(port).catch((error: unknown) => error as Error);
  const seconds = (performance.now() - startedMs) / 1000;
  const { beforeMiB, growthMiB } = watch.stop();
  const problems: string[] = [];
  if (got instanceof Error) problems.push(got.message);
  else if (got.bytes !== transfer.bytes) problems.push(`${got.bytes} of ${transfer.bytes} bytes arrived`);
  else if (got.sha256 !== transfer.sha256) problems.push("the bytes differ");
  if (growthMiB > growthMaxMiB) problems.push(`memory grew by more than ${growthMaxMiB} MiB`);
  if (problems.length > 0) failed = true;
  const verdict = problems.length === 0 ? "pass" : `FAIL: ${problems.join("; ")}`;
  const mib = (transfer.bytes / 2 ** 20).toFixed(0);
  rows.push([
    `${runtime}, ${transfer.name}`,
    `${mib} MiB`,
    seconds.toFixed(1),
    beforeMiB.toFixed(0),
    growthMiB.toFixed(1),
    verdict,
  ]);
  console.log(rows.at(-1)?.join("  "));
}

async function download(port: number, bytes: number, rate: number | null): Promise<Hashed> {
  const { request, response } = exchange(port, "GET", `/?bytes=${bytes}`, {});
  request.end();
  return pacedHash(await response, rate);
}

async function upload(port: number, bytes: number, rate: number | null): Promise<Hashed> {
  const path = rate === null ? "/" : `/?rate=${rate}`;
  const { request, response } = exchange(port, "POST", path, { "content-length": bytes });
  const sent = pipeline(Readable.from(byteStream(bytes), { objectMode: false, highWaterMark: 1 << 20 }), request);
  const [answer] = await Promise.all([response.then(textOf), sent]);
  return JSON.parse(answer) as Hashed;
}

function exchange(port: number, method: string, path: string, headers: Record<string, number>) {
  const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: new Agent() });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  return { request, response };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += piece as string;
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${text.trim()}`);
  return text;
}

function sizeFrom(option: string, text: string): number {
  const [, number, unit] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`${option} ${text}: a size such as 256MiB or 5GiB is meant`);
  return Number(number) * { none: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[(unit as "KiB" | undefined) ?? "none"];
}
