/** How long a proxy takes from the start of its process to its first response, and what it then holds while it idles. */

import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./port.ts";
import { processTree } from "./process-usage.ts";

/** How the command line tool is started. */
export interface Form {
  readonly name: string;
  readonly command: readonly string[];
  /** Of executables. */
  readonly file: string | null;
}

export interface Memory {
  readonly residentMiB: number;
  /** What is no page of a file: nobody else can have it, and the system cannot drop it. */
  readonly ownMiB: number;
}

const START_MS_MAX = 20_000;
const RETRY_MS = 2;
/** An executable of Bun gives back memory after one second. */
const IDLE_MS = 3_000;
const REQUEST = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

/** Of both it names the neighbouring file's upstream. */
const LANGUAGES = {
  YAML: {
    file: "start.yaml",
    content: (listen: string) =>
      `include: start-upstream.yaml\nlisteners: ["${listen}"]\nroutes: [{ upstream: app }]\n`,
    neighbour: "start-upstream.yaml",
    beside: (origin: string) => `upstreams: { app: { servers: ["${origin}"] } }\n`,
  },
  TypeScript: {
    file: "start.ts",
    content: (listen: string) => `import { defineConfig, type OnRequest } from "millrace";
import { servers } from "./start-servers.ts";
const onRequest: OnRequest = async () => {};
const routes = [{ upstream: "app", hooks: { onRequest } }];
export default defineConfig({ listeners: ["${listen}"], upstreams: { app: { servers } }, routes });
`,
    neighbour: "start-servers.ts",
    beside: (origin: string) => `export const servers: string[] = ["${origin}"];\n`,
  },
};

export type Language = keyof typeof LANGUAGES;
export const LANGUAGE_NAMES = Object.keys(LANGUAGES) as Language[];

export class Start {
  readonly #child: Child;
  /** From the start of the process to the first response of the server behind the proxy. */
  readonly ms: number;

  private constructor(child: Child, ms: number) {
    this.#child = child;
    this.ms = ms;
  }

  static async of(
    form: Form,
    language: Language,
    { folder, origin }: { folder: string; origin: string },
  ): Promise<Start> {
    const port = await freePort();
    const { file, content, neighbour, beside } = LANGUAGES[language];
    writeFileSync(join(folder, file), content(`127.0.0.1:${port}`));
    writeFileSync(join(folder, neighbour), beside(origin));
    const command = [...form.command, "run", file];
    const startedMs = performance.now();
    const child = startChild({ name: form.name, command, core: null, directory: folder });
    while (!(await isAnswered(port))) {
      if (!child.isRunning || performance.now() - startedMs > START_MS_MAX) {
        await child.stop();
        throw new Error(`${form.name} did not answer: ${child.lastWords.trim() || "it said nothing"}`);
      }
      await delay(RETRY_MS);
    }
    return new Start(child, performance.now() - startedMs);
  }

  /** After a while without requests. */
  async idleMemory(): Promise<Memory> {
    await delay(IDLE_MS);
    let rssKiB = 0;
    let anonymousKiB = 0;
    for (const pid of processTree(this.#child.pid)) {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      rssKiB += kibIn(text, "Rss");
      anonymousKiB += kibIn(text, "Anonymous");
    }
    return { residentMiB: rssKiB / 1024, ownMiB: anonymousKiB / 1024 };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

function kibIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
}

function isAnswered(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(REQUEST));
    socket.setEncoding("latin1").on("data", (text) => (answer += text));
    socket.once("error", () => resolve(false)).once("close", () => resolve(answer.startsWith("HTTP/1.1 200 ")));
  });
}
