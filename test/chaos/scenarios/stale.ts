import { pause } from "../../e2e/wait.ts";
import { ClientConnection, type Ending } from "../client-connection.ts";
import type { FaultOrigin } from "../fault-origin.ts";
import { IDEMPOTENT } from "../ledger.ts";
import { type Ask, requestBytes } from "../load-client.ts";
import type { ProxyProcess } from "../proxy-process.ts";
import type { Scenario, Scene } from "../scenario.ts";

const WORKERS = 8;

/** The server ends a resting connection just as it is used again. */
export const stale: readonly Scenario[] = [
  {
    name: "stale",
    rows: ["A05"],
    what: "connections are used again within 5 ms of the moment the server closes them",
    async run(scene) {
      const tally = await sweep(scene, {
        poolIdle: "60s",
        closesAfterMs: 20,
        gapMs: () => scene.random.between(15, 25),
      });
      report(scene, tally);
      const share = tally.failedPosts / Math.max(1, tally.posts);
      scene.tell(
        "POSTs answered 502, because nobody knows",
        `${tally.failedPosts} of ${tally.posts} (${share.toFixed(3)})`,
      );
    },
  },
  {
    name: "spared",
    rows: ["A05"],
    what: "the pool lets go of connections before the server does: not even a POST is lost",
    async run(scene) {
      const gapMs = () => scene.random.pick([1, 100, 150, 200, 250, 300, 350]);
      const tally = await sweep(scene, { poolIdle: "200ms", closesAfterMs: 600, gapMs });
      report(scene, tally);
      scene.check("failed POSTs", `${tally.failedPosts} of ${tally.posts}`, tally.failedPosts === 0);
    },
  },
];

interface SweepOptions {
  readonly poolIdle: string;
  readonly closesAfterMs: number;
  readonly gapMs: () => number;
}

interface Tally {
  trials: number;
  posts: number;
  failedPosts: number;
  readonly failed: string[];
}

/** Each worker has a server to itself, so that it knows how long its connection has rested. */
async function sweep(scene: Scene, { poolIdle, closesAfterMs, gapMs }: SweepOptions): Promise<Tally> {
  const origins = await scene.origins(WORKERS);
  const proxy = await scene.proxy({
    listeners: ["127.0.0.1:0"],
    timeouts: { poolIdle },
    upstreams: Object.fromEntries(origins.map(({ address }, i) => [`app${i}`, { servers: [address] }])),
    routes: origins.map((_, i) => ({ id: `to${i}`, match: { path: `/${i}` }, upstream: `app${i}` })),
  });
  await Promise.all(origins.map((origin) => origin.follow(`close-idle-${closesAfterMs}`)));
  const tally: Tally = { trials: 0, posts: 0, failedPosts: 0, failed: [] };
  const endsAt = performance.now() + scene.seconds * 1000;
  const worker = async (_: FaultOrigin, number: number) => {
    let connection = newConnection(proxy);
    while (performance.now() < endsAt) {
      const method = scene.random.pick(["GET", "GET", "PUT", "DELETE", "POST"]);
      // Half of the connections end by the clock, half exactly when the request can be read.
      const plan = scene.random.pick([{}, {}, { plan: "close-when-readable" }]);
      const ask = scene.ask({
        method,
        path: `/${number}`,
        bodyBytes: 0,
        answerBytes: 10,
        ...(closesAfterMs < 100 ? plan : {}),
      });
      const ending = await once(connection, ask);
      note(tally, ask, ending);
      if (connection.isClosed) connection = newConnection(proxy);
      await pause(gapMs());
    }
    connection.destroy();
  };
  await Promise.all(origins.map(worker));
  return tally;
}

function report(scene: Scene, tally: Tally): void {
  scene.check(
    "failed idempotent requests",
    `${tally.failed.length} ${tally.failed[0] ?? ""}`,
    tally.failed.length === 0,
  );
  const duplicates = scene.ledger.duplicates();
  scene.check("POSTs that arrived twice", duplicates.slice(0, 3).join("; ") || 0, duplicates.length === 0);
  scene.check("trials", tally.trials, tally.trials > 0);
}

function newConnection({ target }: ProxyProcess): ClientConnection {
  return new ClientConnection(target, "127.0.0.1", () => {});
}

function once(connection: ClientConnection, ask: Ask): Promise<Ending> {
  return new Promise((resolve) => connection.ask(ask.method, requestBytes(ask), resolve));
}

function note(tally: Tally, { method, nonce }: Ask, ending: Ending): void {
  tally.trials++;
  const isPost = !IDEMPOTENT.has(method);
  if (isPost) tally.posts++;
  if (ending.kind === "response" && ending.response.status === 200 && ending.response.nonce === nonce) return;
  if (isPost) tally.failedPosts++;
  else tally.failed.push(`${method} ${nonce}: ${ending.kind === "response" ? ending.response.status : ending.kind}`);
}
