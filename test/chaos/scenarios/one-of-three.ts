import type { Config } from "../../../core/config/define.ts";
import { pause } from "../../e2e/wait.ts";
import type { FaultOrigin } from "../fault-origin.ts";
import { HEALTH_PATH } from "../origin-connection.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** One of three servers fails for the middle third of the load; the clients must not notice. */
export const oneOfThree: readonly Scenario[] = [
  {
    name: "killed",
    rows: ["A01"],
    what: "1 of 3 servers is killed and comes back",
    run: (scene) => withOneFailing(scene, (bad) => bad.kill()),
  },
  {
    name: "deaf",
    rows: ["A02"],
    what: "1 of 3 servers no longer accepts: handshakes hang",
    run: (scene) =>
      withOneFailing(scene, async (bad) => {
        await bad.follow("hang-accept");
        bad.sever();
      }),
  },
  {
    name: "hung",
    rows: ["A06"],
    what: "1 of 3 servers takes requests and never answers",
    run(scene) {
      // A request that was taken is given up early, and tried elsewhere, only where that is asked for.
      const retries = { perTryTimeout: `${FIRST_BYTE_MS}ms` };
      return withOneFailing(scene, (bad) => bad.follow("hang-after-head"), { retries });
    },
  },
  {
    name: "resetting",
    rows: ["A04"],
    what: "1 of 3 servers resets every connection when a request has come",
    run: (scene) => withOneFailing(scene, (bad) => bad.follow("rst-after-head")),
  },
  {
    name: "slamming",
    rows: ["A04"],
    what: "1 of 3 servers resets every new connection",
    run: (scene) =>
      withOneFailing(scene, async (bad) => {
        await bad.follow("rst-on-accept");
        bad.sever();
      }),
  },
  {
    name: "flapping",
    rows: ["A10"],
    what: "1 of 3 servers is up and down in turns",
    run: (scene) => withOneFailing(scene, (bad) => bad.follow("flap-300")),
  },
  {
    name: "lying",
    rows: ["A11"],
    what: "1 of 3 servers passes its health checks and resets all traffic",
    async run(scene) {
      const bad = await withOneFailing(scene, (origin) => origin.follow("lie-health"), { health: { check: CHECK } });
      scene.tell("health checks the liar answered", bad.healthChecks);
    },
  },
  {
    name: "slow",
    rows: ["A08"],
    what: "1 of 3 servers sends 20 KB a second: the others' responses are as fast as ever",
    async run(scene) {
      const bad = await withOneFailing(scene, (origin) => origin.follow("slow-20000"));
      scene.tell("connections the slow one still has", bad.openConnections);
    },
  },
  {
    name: "slandered",
    rows: ["A12"],
    what: "all health checks fail while traffic is fine",
    run: (scene) =>
      withOneFailing(
        scene,
        async (_, all) => void (await Promise.all(all.map((origin) => origin.follow("slander-health")))),
        { health: { check: CHECK } },
      ),
  },
  {
    name: "erring",
    rows: ["A11", "A34", "Q08"],
    what: "1 of 3 servers answers 503 to everything",
    run: (scene) => withOneFailing(scene, (bad) => bad.follow("status-503")),
  },
];

type Settings = Partial<NonNullable<Config["upstreams"]>[string]>;

/** Long against a busy machine, short against a scenario of seconds. */
const CONNECT_MS = 300;
const FIRST_BYTE_MS = 600;
const CHECK = { path: HEALTH_PATH, interval: "200ms", timeout: "200ms" };

async function withOneFailing(
  scene: Scene,
  fail: (bad: FaultOrigin, all: readonly FaultOrigin[]) => Promise<void>,
  settings: Settings = {},
): Promise<FaultOrigin> {
  const origins = await scene.origins(3);
  const bad = origins[0] as FaultOrigin;
  const proxy = await scene.proxy({
    listeners: ["127.0.0.1:0"],
    timeouts: { connect: `${CONNECT_MS}ms` },
    upstreams: { app: { servers: origins.map(({ address }) => address), ...settings } },
    routes: [{ id: "all", upstream: "app" }],
  });
  const load = scene.clients(proxy).run();
  const thirdMs = (scene.seconds * 1000) / 3;
  await pause(thirdMs);
  const before = bad.requests;
  await fail(bad, origins);
  await pause(thirdMs);
  const after = bad.requests;
  await Promise.all(origins.map((origin) => origin.revive()));
  scene.checkLoad(await load);
  scene.tell("requests to the failing server while it failed", after - before);
  scene.tell("after it came back", bad.requests - after);
  return bad;
}
