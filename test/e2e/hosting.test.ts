// examples/hosting with a real Redis: sites are found, moved ones followed, and nothing is lost when Redis is down.

import assert from "node:assert/strict";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { createClient } from "redis";
import { projectRoot } from "../support/runtime-command.ts";
import { lacksTool, pathOfTool } from "../support/tool.ts";
import { freePort } from "./backend.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { type Program, startProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";
import { pause, until } from "./wait.ts";

const SITES = 10_000;
/** What the example promises. */
const FOLLOWED_MS = 1_000;
/** Three times what the example allows: a machine that stands still for a moment is not what is tested here. */
const LOOKUP_TIMEOUT_MS = 1_000;
/** Between the requests of one client, so that four of them leave the machine to the others. */
const THINK_MS = 10;

const connectTo = (port: number) => createClient({ url: `redis://127.0.0.1:${port}` });

interface Answer {
  readonly site: number;
  readonly askedAt: number;
  readonly status: number;
  readonly body: string;
}

describe("the hosting example", { ignore: lacksTool("redis-server") }, () => {
  const scratch = createScratch();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const backends: Server[] = [];
  const addresses: string[] = [];
  /** Where each site is, and since when. */
  const home = new Map<number, { backend: number; sinceMs: number; before: number }>();
  let port = 0;
  let redisServer: Program;
  let proxy: Millrace;

  async function startRedis(): Promise<void> {
    const path = pathOfTool("redis-server") ?? "";
    const files = ["--dir", scratch.folder, "--save", "", "--appendonly", "no"];
    redisServer = startProgram([path, "--port", String(port), "--bind", "127.0.0.1", ...files]);
    await redisServer.says(/Ready to accept connections/);
  }

  async function withRedis<T>(use: (redis: ReturnType<typeof connectTo>) => Promise<T>): Promise<T> {
    const redis = connectTo(port);
    redis.on("error", () => {});
    await redis.connect();
    try {
      return await use(redis);
    } finally {
      redis.destroy();
    }
  }

  const fill = (): Promise<void> =>
    withRedis(async (redis) => {
      const pairs = Array.from({ length: SITES }, (_, site): [string, string] => [
        `site:site${site}.example`,
        addresses[home.get(site)?.backend ?? 0] ?? "",
      ]);
      await redis.mSet(pairs);
      await redis.set("sites", String(SITES));
    });

  const move = (sites: readonly number[]): Promise<void> =>
    withRedis(async (redis) => {
      for (const site of sites) {
        const before = home.get(site)?.backend ?? 0;
        const backend = (before + 1) % addresses.length;
        await redis.set(`site:site${site}.example`, addresses[backend] ?? "");
        home.set(site, { backend, before, sinceMs: performance.now() });
      }
    });

  const ask = (host: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve) => {
      const failed = (error: Error) => resolve({ status: 0, body: error.message });
      const asked = request({ host: "127.0.0.1", port: proxy.port, agent, headers: { Host: host } }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          body += text;
        });
        response.on("error", failed);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      asked.on("error", failed);
      asked.setTimeout(5_000, () => asked.destroy(new Error("no answer within 5 s")));
      asked.end();
    });

  /** Asks for `sites` in turn, four at a time, while `story` goes on; checks every answer. */
  async function underLoad(sites: readonly number[], story: () => Promise<void>): Promise<number> {
    let isOver = false;
    const answers: Answer[] = [];
    const wrong: string[] = [];
    const load = async (from: number): Promise<void> => {
      for (let i = from; !isOver; i += 4) {
        const site = sites[i % sites.length] ?? 0;
        const askedAt = performance.now();
        const answer = { site, askedAt, ...(await ask(`site${site}.example`)) };
        answers.push(answer);
        const problem = problemOf(answer);
        if (problem !== null) wrong.push(problem);
        await pause(THINK_MS);
      }
    };
    const loads = [0, 1, 2, 3].map(load);
    try {
      await story();
    } finally {
      isOver = true;
      await Promise.all(loads);
    }
    assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${answers.length} answers were wrong\n${proxy.stderr}`);
    return answers.length;
  }

  function problemOf({ site, askedAt, status, body }: Answer): string | null {
    const { backend, before, sinceMs } = home.get(site)!;
    if (status !== 200) return `site${site}: ${status} ${body.slice(0, 100)}`;
    if (body === `backend ${backend}`) return null;
    const lateMs = askedAt - sinceMs;
    if (body === `backend ${before}` && lateMs < FOLLOWED_MS) return null;
    return `site${site}: ${body} instead of ${backend}, ${Math.round(lateMs)} ms after the move`;
  }

  const some = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => (from + i * 37) % SITES);

  beforeAll(async () => {
    for (const index of [0, 1, 2]) {
      const server = createServer((_request, response) => void response.end(`backend ${index}`));
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      backends.push(server);
      addresses.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    for (let site = 0; site < SITES; site++) home.set(site, { backend: site % 3, before: site % 3, sinceMs: 0 });
    port = await freePort();
    await startRedis();
    await fill();
    const file = join(projectRoot, "examples", "hosting", "millrace.yaml");
    const timeouts = { LOOKUP_TIMEOUT: `${LOOKUP_TIMEOUT_MS}ms`, DECIDE_TIMEOUT: `${2 * LOOKUP_TIMEOUT_MS}ms` };
    const env = { REDIS_URL: `redis://127.0.0.1:${port}`, LISTEN: "127.0.0.1:0", ...timeouts };
    proxy = await startMillraceWith(["run", file], { env });
    await until(async () => (await ask("site0.example")).status === 200, "the first answer");
  });
  afterAll(async () => {
    agent.destroy();
    await proxy?.stop();
    await redisServer?.stop();
    for (const backend of backends) {
      backend.closeAllConnections();
      backend.close();
    }
    scratch.remove();
  });

  it("finds each site, and is friendly to those who look for another", async () => {
    assert.ok((await underLoad(some(500), () => pause(1_500))) > 50);
    const { status, body } = await ask("nobody.example");
    assert.equal(status, 404);
    assert.match(body, /There is no site called nobody\.example here/);
  });

  it("follows moved sites within a second", async () => {
    await underLoad(some(200), async () => {
      for (let round = 0; round < 3; round++) {
        await move(some(20, round * 37));
        await pause(FOLLOWED_MS + 200);
      }
    });
    // Also one that nobody has asked for meanwhile.
    const [site = 0] = some(1);
    await ask(`site${site}.example`);
    await pause(700);
    await move([site]);
    await pause(FOLLOWED_MS);
    assert.equal((await ask(`site${site}.example`)).body, `backend ${home.get(site)?.backend}`);
  });

  it("goes on by the last answers while Redis is dead, and follows again when it is back", async () => {
    await underLoad(some(100), async () => {
      await pause(300);
      redisServer.signal("SIGKILL");
      await redisServer.exited;
      await pause(1_200);
      const unseen = await ask("site9999.example");
      assert.equal(unseen.status, 503, unseen.body);
      // Empty: it knows of no site at all.
      await startRedis();
      await pause(1_200);
      await fill();
      await pause(1_500);
      await move(some(10));
      await pause(FOLLOWED_MS + 200);
    });
  });

  it("goes on while Redis hangs", async () => {
    await underLoad(some(100), async () => {
      redisServer.signal("SIGSTOP");
      await pause(LOOKUP_TIMEOUT_MS + 1_500);
      redisServer.signal("SIGCONT");
      await pause(1_500);
      await move(some(10));
      await pause(FOLLOWED_MS + 200);
    });
  });
});
