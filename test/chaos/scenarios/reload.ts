import type { Config } from "../../../core/config/define.ts";
import { freePort } from "../../e2e/backend.ts";
import { pause, until } from "../../e2e/wait.ts";
import type { FaultOrigin } from "../fault-origin.ts";
import type { ProxyProcess } from "../proxy-process.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** The configuration changes again and again under load, and some of what is asked for is wrong. */
export const reload: readonly Scenario[] = [
  {
    name: "reload",
    rows: ["A20", "A21", "A22"],
    what: "reloads under load, every third a bad one",
    run: (scene) => reloadUnderLoad(scene, 5 * scene.seconds, scene.seconds * scene.requestsPerSecond),
  },
  {
    name: "reload-long",
    rows: ["A20", "A21", "A22"],
    what: "150 reloads, 50 of them of a bad file, under a load of 200,000 requests (give it --rate 1000)",
    isLong: true,
    run: (scene) => reloadUnderLoad(scene, 150, 200_000),
  },
];

async function reloadUnderLoad(scene: Scene, times: number, requests: number): Promise<void> {
  const origins = await scene.origins(4);
  const ports: readonly number[] = [await freePort(), await freePort()];
  const proxy = await scene.proxy(configuration(ports, origins, 0));
  const loadMs = (requests * 1000) / scene.requestsPerSecond;
  const clients = scene.clients(proxy, {
    requests,
    make: () => scene.ask({ path: scene.random.pick(["/", "/kept"]) }),
  });
  const load = clients.run();
  // One download of a route that stays takes longer than all of it.
  const answerBytes = Math.ceil(loadMs / 2);
  const download = scene.clients(proxy, {
    requests: 1,
    // Slower by every tick of a timer that is late.
    patienceMs: 2 * loadMs + 10_000,
    make: () => scene.ask({ method: "GET", path: "/kept", answerBytes, plan: "slow-500" }),
  });
  const downloaded = download.run();
  const pauseMs = loadMs / (times + 1);
  await pause(pauseMs);
  const before = proxy.residentBytes();
  for (let i = 1; i <= times; i++) {
    const isBad = i % 3 === 0;
    await reloadOnce(proxy, isBad ? bad(i / 3, origins) : configuration(ports, origins, i), isBad);
    await pause(Math.max(0, pauseMs - (clients.elapsedMs - pauseMs * (i + 1))));
  }
  const report = await load;
  scene.checkLoad(report);
  scene.check("failures of any kind", `${report.summary()} of ${report.requests}`, report.failures.length === 0);
  const whole = await downloaded;
  scene.check("the download that lasted all the while", `failures: ${whole.summary()}`, whole.failures.length === 0);
  scene.tell("reloads", `${times}, ${Math.floor(times / 3)} of them bad`);
  const [first, last] = [before, proxy.residentBytes()].map((bytes) => (bytes / 2 ** 20).toFixed(1));
  scene.tell("resident memory after the first requests, at the end", `${first}, ${last} MiB`);
}

/** Until the process has said what came of it. */
export async function reloadOnce(proxy: ProxyProcess, content: Config | string, isBad: boolean): Promise<void> {
  const said = isBad ? REFUSED : RELOADED;
  const before = countOf(proxy.stderr, said);
  proxy.reload(content);
  await until(
    () => countOf(proxy.stderr, said) > before,
    () => `${said} once more in\n${proxy.stderr.slice(-1_000)}`,
  );
}

const RELOADED = /^millrace: SIGHUP: reloaded/gm;
const REFUSED = /^millrace: SIGHUP: .*the old configuration goes on/gm;

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** A server, a route, an upstream and a listener come and go by the number; what is asked for stays. */
function configuration(ports: readonly number[], origins: readonly FaultOrigin[], number: number): Config {
  const [first, second, third, fourth] = origins.map(({ address }) => address) as [string, string, string, string];
  const hasExtra = number % 4 >= 2;
  return {
    listeners: ports.slice(0, number % 4 === 1 ? 2 : 1).map((port) => `127.0.0.1:${port}`),
    timeouts: { keepAliveIdle: number % 2 === 0 ? "60s" : "75s" },
    upstreams: {
      app: { servers: number % 2 === 0 ? [first, second] : [first, second, third] },
      ...(hasExtra ? { extra: { servers: [fourth] } } : {}),
    },
    routes: [
      { id: "kept", match: { path: "/kept" }, upstream: "app" },
      { id: "all", upstream: "app" },
      ...(hasExtra ? [{ id: "extra", match: { path: "/extra/*" }, upstream: "extra" }] : []),
    ],
  };
}

/** What is no configuration, what is a wrong one, and what the machine refuses. */
function bad(number: number, [origin]: readonly FaultOrigin[]): string {
  const files = [
    "{ half a file",
    JSON.stringify({ listeners: ["127.0.0.1:1"], routs: [] }),
    JSON.stringify({ listeners: ["127.0.0.1:1"], routes: [{ id: "a", upstream: "nowhere" }] }),
    "",
    JSON.stringify({ listeners: [origin?.address], routes: [{ id: "a", respond: { status: 200 } }] }),
  ];
  return files[number % files.length] as string;
}
