import { pause } from "../../e2e/wait.ts";
import type { Scenario } from "../scenario.ts";

const CHECK_MS = 200;
/** Until all three are known to refuse; some of the first requests may still learn it themselves. */
const LEARNING_MS = 300;

export const allDown: readonly Scenario[] = [
  {
    name: "down",
    rows: ["A09"],
    what: "all servers are killed and come back: 503 at once meanwhile, with Retry-After",
    async run(scene) {
      const origins = await scene.origins(3);
      const proxy = await scene.proxy({
        listeners: ["127.0.0.1:0"],
        upstreams: {
          app: {
            servers: origins.map(({ address }) => address),
            health: { check: { path: "/healthz", interval: `${CHECK_MS}ms`, timeout: `${CHECK_MS}ms` } },
          },
        },
        routes: [{ id: "all", upstream: "app" }],
      });
      const clients = scene.clients(proxy);
      const load = clients.run();
      const thirdMs = (scene.seconds * 1000) / 3;
      await pause(thirdMs);
      const downAtMs = clients.elapsedMs;
      await Promise.all(origins.map((origin) => origin.kill()));
      const checksBefore = healthChecks(origins);
      await pause(thirdMs);
      await Promise.all(origins.map((origin) => origin.revive()));
      const upAtMs = clients.elapsedMs;
      const report = await load;
      const lastFailure = report.failures.reduce((last, { scheduledMs }) => Math.max(last, scheduledMs), 0);
      const isDown = ({ scheduledMs }: { scheduledMs: number }) =>
        scheduledMs > downAtMs + LEARNING_MS && scheduledMs < upAtMs;
      const whileDown = report.finished.filter(isDown);
      const wrong = whileDown.filter(({ status, retryAfter }) => status !== 503 || retryAfter === null);
      scene.check("answers while down that are not 503 with Retry-After", report.summary(wrong), wrong.length === 0);
      scene.check("answers while down", whileDown.length, whileDown.length > 0);
      scene.checkTime("half of them within", report.percentileMs(0.5, isDown), 10);
      scene.tell("99 % of them within", `${report.percentileMs(0.99, isDown).toFixed(1)} ms`);
      // rise is 2, and the last check may just have failed when they came back.
      scene.checkTime("until everything was served again", Math.max(0, lastFailure - upAtMs), 3 * CHECK_MS + 100);
      const early = report.failures.filter(({ scheduledMs, latencyMs }) => scheduledMs + latencyMs < downAtMs);
      scene.check("failures before", report.summary(early), early.length === 0);
      scene.check("POSTs that arrived twice", scene.ledger.duplicates().length, scene.ledger.duplicates().length === 0);
      scene.tell("requests", `${report.requests}, ${report.ok} ok; failed: ${report.summary()}`);
      scene.tell("health checks answered since", healthChecks(origins) - checksBefore);
    },
  },
];

function healthChecks(origins: readonly { readonly healthChecks: number }[]): number {
  return origins.reduce((sum, origin) => sum + origin.healthChecks, 0);
}
