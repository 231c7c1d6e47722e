import { pause } from "../../e2e/wait.ts";
import type { Scenario } from "../scenario.ts";
import { forwarding } from "./messages.ts";

const STOPPED_MS = 2_000;

/** The process is stopped for a while, or nobody reads what it writes. */
export const machine: readonly Scenario[] = [
  {
    name: "unread",
    rows: ["A17"],
    what: "standard output is closed under load, as by `| head -1`",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy({ ...forwarding(origin!.address), log: { access: true } });
      const load = scene.clients(proxy).run();
      await proxy.says(/"status":200/);
      proxy.closeOutput();
      const report = await load;
      scene.checkLoad(report);
      scene.check("the process", proxy.isRunning ? "runs" : "has ended", proxy.isRunning);
    },
  },
  {
    name: "stopped",
    rows: ["A40"],
    what: "the process is stopped for longer than its deadlines, and goes on",
    async run(scene) {
      const origins = await scene.origins(3);
      const proxy = await scene.proxy({
        listeners: ["127.0.0.1:0"],
        timeouts: { connect: "500ms", firstByte: "1s", requestHead: "1s", requestBodyIdle: "1s", keepAliveIdle: "1s" },
        upstreams: { app: { servers: origins.map(({ address }) => address) } },
        routes: [{ id: "all", upstream: "app" }],
      });
      // Whenever it is stopped, some requests have been sent on and wait for their response.
      const make = () => scene.ask(scene.random.next() < 0.5 ? { plan: "late-150" } : {});
      const clients = scene.clients(proxy, { make });
      const load = clients.run();
      await pause((scene.seconds * 1000) / 3);
      const stoppedAtMs = clients.elapsedMs;
      proxy.signal("SIGSTOP");
      await pause(STOPPED_MS);
      proxy.signal("SIGCONT");
      const wokenAtMs = clients.elapsedMs;
      const report = await load;
      scene.checkLoad(report);
      scene.check("failures", report.summary(), report.failures.length === 0);
      const early = report.count(({ sentMs, latencyMs, scheduledMs }) => {
        return sentMs < stoppedAtMs && scheduledMs + latencyMs > wokenAtMs;
      });
      scene.check("requests that were under way all the while", early, early > 0);
      const slowest = report.finished.filter(({ sentMs }) => sentMs < wokenAtMs);
      const lastMs = slowest.reduce((last, { scheduledMs, latencyMs }) => Math.max(last, scheduledMs + latencyMs), 0);
      scene.checkTime("until all that had waited was answered", lastMs - wokenAtMs, 2_000);
    },
  },
];
