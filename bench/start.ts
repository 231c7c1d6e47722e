// From the start of the process to the first proxied response, size and idle memory: of each executable in out/
// (`npm run compile`) and of the sources on each runtime.
//
//   npm run bench:start                                all that are there, seven rounds in turn: about two minutes
//   npm run bench:start -- --quick --only "executable of Bun"
//
// Options: --rounds N (7), --quick (one round), --only NAMES, --out FOLDER (where the executables are).

import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cliCommandOn, projectRoot, type RuntimeName } from "../test/support/runtime-command.ts";
import { stopChildren, stopChildrenWithUs } from "./child.ts";
import { type Form, LANGUAGE_NAMES, type Language, type Memory, Start } from "./first-response.ts";
import { median } from "./median.ts";
import { table } from "./report.ts";

interface Measured {
  readonly ms: Readonly<Record<Language, number[]>>;
  readonly memory: Memory[];
}

const SOURCES: Readonly<Record<string, RuntimeName>> = {
  Bun: "bun",
  "Node 24": "node24",
  Deno: "deno",
  "Node 20": "node",
};
const EXECUTABLES = {
  Bun: "millrace-bun",
  "Node 24": "millrace-node",
  "Node 26": "millrace-node26",
  Deno: "millrace-deno",
};
/** Memory hardly varies, and takes seconds. */
const MEMORY_ROUNDS = 3;

const folder = mkdtempSync(join(tmpdir(), "millrace-start-"));
stopChildrenWithUs(() => rmSync(folder, { recursive: true, force: true }));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench:start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopChildren();
}
// Connections of the origin may be kept.
process.exit();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "7" },
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      out: { type: "string", default: join(projectRoot, "out") },
    },
  });
  const rounds = values.quick ? 1 : Number(values.rounds);
  const only = values.only?.flatMap((names) => names.split(","));
  const all = formsIn(resolve(values.out));
  const unknown = only?.filter((name) => !all.some((form) => form.name === name)) ?? [];
  if (unknown.length > 0 || !(rounds >= 1)) {
    console.error(`bench:start: --rounds takes a number, --only some of: ${all.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const asked = all.filter(({ name }) => only?.includes(name) ?? true);
  for (const { name, file, command } of asked)
    if (!isThere(command)) console.log(`Not measured: ${name}: ${file ?? command[0]} is not there`);
  const forms = asked.filter(({ command }) => isThere(command));
  const [cpu] = cpus();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ${cpus().length} × ${cpu?.model ?? "?"}, load average ${loadavg()[0]?.toFixed(1)}, ${rounds} rounds\n`,
  );
  console.log(tableOf(forms, await measureAll(forms, rounds)));
  return forms.length > 0 ? 0 : 1;
}

function formsIn(out: string): readonly Form[] {
  const executables = Object.entries(EXECUTABLES).map(([runtime, name]) => {
    const file = join(out, name);
    return { name: `executable of ${runtime}`, command: [file], file };
  });
  const sources = Object.entries(SOURCES).map(([runtime, name]) => {
    return { name: `sources on ${runtime}`, command: [...cliCommandOn(name)], file: null };
  });
  return [...executables, ...sources];
}

function isThere([program = ""]: readonly string[]): boolean {
  return existsSync(program);
}

async function measureAll(forms: readonly Form[], rounds: number): Promise<ReadonlyMap<Form, Measured>> {
  const server = createServer((_, response) => void response.end("ok")).listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const place = { folder, origin: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const measured = new Map<Form, Measured>();
  for (const form of forms) {
    measured.set(form, { ms: { YAML: [], TypeScript: [] }, memory: [] });
    // What is read from the disk for the first time tells of the disk.
    for (const language of LANGUAGE_NAMES) await (await Start.of(form, language, place)).stop();
  }
  for (let round = 0; round < rounds; round++) {
    for (const [form, { ms, memory }] of measured) {
      for (const language of LANGUAGE_NAMES) {
        const start = await Start.of(form, language, place);
        ms[language].push(start.ms);
        if (language === "YAML" && round < MEMORY_ROUNDS) memory.push(await start.idleMemory());
        await start.stop();
      }
    }
  }
  return measured;
}

function tableOf(forms: readonly Form[], measured: ReadonlyMap<Form, Measured>): string {
  const starts = LANGUAGE_NAMES.map((language) => `${language}: ms (best)`);
  const rows = forms.map((form) => {
    const { ms, memory } = measured.get(form) as Measured;
    return [
      form.name,
      form.file === null ? "" : (statSync(form.file).size / 1e6).toFixed(0),
      ...LANGUAGE_NAMES.map(
        (language) => `${median(ms[language]).toFixed(0)} (${Math.min(...ms[language]).toFixed(0)})`,
      ),
      median(memory.map(({ residentMiB }) => residentMiB)).toFixed(1),
      median(memory.map(({ ownMiB }) => ownMiB)).toFixed(1),
    ];
  });
  return table([["", "MB", ...starts, "resident MiB", "own MiB"], ...rows]);
}
