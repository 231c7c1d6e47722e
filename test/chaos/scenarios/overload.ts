import type { FinishedRequest } from "../load-report.ts";
import type { Scenario } from "../scenario.ts";
import { forwarding } from "./messages.ts";

const IN_FLIGHT = 10;
const SERVED_IN_MS = 50;
/** Requests a second that `IN_FLIGHT` places can serve. */
const CAPACITY = (IN_FLIGHT * 1000) / SERVED_IN_MS;

export const overload: readonly Scenario[] = [
  {
    name: "overloaded",
    rows: ["A31"],
    what: "three times what can be served: as much is served as ever, the rest is told so at once",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy({ ...forwarding(origin!.address), limits: { inFlight: IN_FLIGHT } });
      const make = () => scene.ask({ method: "GET", answerBytes: 100, plan: `late-${SERVED_IN_MS}` });
      const load = (times: number) =>
        scene.clients(proxy, {
          make,
          requestsPerSecond: times * CAPACITY,
          requests: Math.ceil(times * CAPACITY * scene.seconds),
          connectionsMax: 512,
        });
      const [full, triple] = [await load(1).run(), await load(3).run()];
      const isShed = ({ status, retryAfter }: FinishedRequest) => status === 503 && retryAfter !== null;
      const others = triple.failures.filter((request) => !isShed(request));
      scene.check("failures other than 503 with Retry-After", scene.failuresText(triple, others), others.length === 0);
      scene.check("served at full and at triple load", `${full.ok}, ${triple.ok}`, triple.ok >= 0.9 * full.ok);
      scene.tell("told to come back later", `${full.count(isShed)}, ${triple.count(isShed)}`);
      const after = await scene.clients(proxy, { requests: 50, requestsPerSecond: 100 }).run();
      scene.checkTime("half of them within", triple.percentileMs(0.5, isShed), 20);
      scene.tell("99 % of them within", `${triple.percentileMs(0.99, isShed).toFixed(1)} ms`);
      scene.check("failures afterwards", after.summary(), after.failures.length === 0);
    },
  },
];
