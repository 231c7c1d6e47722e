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
      const load = (times: number, seconds: number) =>
        scene
          .clients(proxy, {
            make,
            requestsPerSecond: times * CAPACITY,
            requests: Math.ceil(times * CAPACITY * seconds),
            connectionsMax: 512,
          })
          .run();
      // What the machine has for us may change meanwhile: the load is compared with the times around it.
      const half = scene.seconds / 2;
      const before = await load(1, half);
      const triple = await load(3, half);
      const behind = await load(1, half);
      const full = Math.min(before.ok, behind.ok);
      const isShed = ({ status, retryAfter }: FinishedRequest) => status === 503 && retryAfter !== null;
      const others = triple.failures.filter((request) => !isShed(request));
      scene.check("failures other than 503 with Retry-After", scene.failuresText(triple, others), others.length === 0);
      scene.check("served at full and at triple load", `${full}, ${triple.ok}`, triple.ok >= 0.9 * full);
      scene.tell("told to come back later", `${before.count(isShed)}, ${triple.count(isShed)}`);
      const after = await scene.clients(proxy, { requests: 50, requestsPerSecond: 100 }).run();
      scene.checkTime("half of them within", triple.percentileMs(0.5, isShed), 20);
      scene.tell("99 % of them within", `${triple.percentileMs(0.99, isShed).toFixed(1)} ms`);
      scene.check("failures afterwards", after.summary(), after.failures.length === 0);
    },
  },
];
