import type { Config } from "../../../core/config/define.ts";
import { pause } from "../../e2e/wait.ts";
import type { FaultOrigin } from "../fault-origin.ts";
import type { LoadReport } from "../load-report.ts";
import type { Scenario, Scene } from "../scenario.ts";
import { cutAsk, looksComplete } from "./messages.ts";
import { reloadOnce } from "./reload.ts";

/** How a server fails, by the upstream it is one of three of. */
const FAILURES: Readonly<Record<string, (bad: FaultOrigin) => Promise<void>>> = {
  killed: (bad) => bad.kill(),
  hung: (bad) => bad.follow("hang-after-head"),
  resetting: (bad) => bad.follow("rst-after-head"),
};

/** Long against a busy machine. */
const PATIENCE_MS = 1_500;

/** One process for what several scenarios show one by one, so that it is short enough for the test suite. */
export const together: readonly Scenario[] = [
  {
    name: "together",
    rows: ["A01", "A04", "A06", "A07", "A20", "A22"],
    what: "several upstreams fail, each in its way, while the configuration is reloaded",
    isSmoke: true,
    async run(scene) {
      const names = Object.keys(FAILURES);
      const groups = new Map<string, FaultOrigin[]>();
      for (const name of names) groups.set(name, await scene.origins(3));
      groups.set("cut", await scene.origins(1));
      const proxy = await scene.proxy(configuration(groups, false));
      const requestsPerSecond = scene.requestsPerSecond / (names.length + 1);
      const loads = names.map((name) =>
        scene.clients(proxy, { requestsPerSecond, make: () => scene.ask({ path: `/${name}` }) }).run(),
      );
      const cut = scene.clients(proxy, { requestsPerSecond, make: () => cutAsk(scene) }).run();
      const thirdMs = (scene.seconds * 1000) / 3;
      await pause(thirdMs);
      await Promise.all(names.map((name) => FAILURES[name]?.(groups.get(name)?.[0] as FaultOrigin)));
      await reloadOnce(proxy, configuration(groups, true), false);
      await pause(thirdMs);
      await reloadOnce(proxy, "{ half a file", true);
      await Promise.all(names.map((name) => groups.get(name)?.[0]?.revive()));
      await reloadOnce(proxy, configuration(groups, false), false);
      const reports = await Promise.all(loads);
      names.forEach((name, i) => {
        const report = reports[i] as LoadReport;
        const failures = report.idempotentFailures;
        scene.check(`${name}: failed idempotent requests`, scene.failuresText(report, failures), failures.length === 0);
      });
      const complete = (await cut).finished.filter(looksComplete);
      scene.check("cut: responses that looked complete", (await cut).summary(complete), complete.length === 0);
      checkTries(scene, [...reports, await cut]);
    },
  },
];

function checkTries(scene: Scene, reports: readonly LoadReport[]): void {
  const requests = reports.reduce((sum, report) => sum + report.requests, 0);
  const { arrivals } = scene.ledger;
  const duplicates = scene.ledger.duplicates();
  scene.check("POSTs that arrived twice", duplicates.slice(0, 3).join("; ") || 0, duplicates.length === 0);
  // Each upstream has 10 % and 3 a second, and of few requests the first failures are a large part.
  const most = 1.1 * requests + 3 * (10 + 3 * scene.seconds);
  scene.check("tries", `${arrivals} for ${requests} requests`, arrivals <= most);
  const unasked = reports.reduce((sum, report) => sum + report.unasked, 0);
  scene.check("answers nobody had asked for", unasked, unasked === 0);
}

function configuration(groups: ReadonlyMap<string, readonly FaultOrigin[]>, isOther: boolean): Config {
  const upstreams = [...groups].map(([name, origins]) => {
    const servers = origins.map(({ address }) => address);
    return [name, { servers, retries: name === "hung" ? { perTryTimeout: `${PATIENCE_MS}ms` } : {} }] as const;
  });
  return {
    listeners: ["127.0.0.1:0"],
    timeouts: { connect: `${PATIENCE_MS}ms`, keepAliveIdle: isOther ? "60s" : "75s" },
    upstreams: Object.fromEntries(upstreams),
    routes: [
      ...[...groups.keys()].map((name) => ({ id: name, match: { path: `/${name}` }, upstream: name })),
      ...(isOther ? [{ id: "other", respond: { status: 404 } }] : []),
    ],
  };
}
