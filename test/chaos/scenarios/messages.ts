import type { Config } from "../../../core/config/define.ts";
import type { Ask } from "../load-client.ts";
import type { FinishedRequest } from "../load-report.ts";
import type { Scenario, Scene } from "../scenario.ts";

/** Servers whose messages are cut short, or come when they should not. */
export const messages: readonly Scenario[] = [
  {
    name: "truncated",
    rows: ["A07"],
    what: "half of the responses are cut off at every place, by FIN and by RST",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy(forwarding(origin!.address));
      const report = await scene
        .clients(proxy, {
          make: (number) => (number % 2 === 0 ? scene.ask() : cutAsk(scene)),
        })
        .run();
      const cut = report.finished.filter(({ path }) => path === "/cut");
      const wrong = cut.filter(looksComplete);
      scene.check("cut responses that looked complete", report.summary(wrong), wrong.length === 0);
      scene.check("cut responses", `${cut.length}: ${report.summary(cut)}`, cut.length > 0);
      const again = cut.filter(({ verdict, nonce }) => verdict === "truncated" && scene.ledger.triesOf(nonce) > 1);
      scene.check("requests sent again after a part was forwarded", again.length, again.length === 0);
      const others = report.failures.filter(({ path }) => path !== "/cut");
      scene.check("others that failed", report.summary(others), others.length === 0);
      const duplicates = scene.ledger.duplicates();
      scene.check("POSTs that arrived twice", duplicates.slice(0, 3).join("; ") || 0, duplicates.length === 0);
    },
  },
  {
    name: "confusing",
    rows: ["A36"],
    what: "answers before the request has ended, two answers to one request, connections closed as they are used",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy(forwarding(origin!.address));
      const plans = ["early-reply", "double-reply", "close-when-readable", "close-idle-10", "ok"];
      const report = await scene.clients(proxy, { make: () => scene.ask({ plan: scene.random.pick(plans) }) }).run();
      const stray = report.finished.filter(({ verdict }) => verdict === "wrong-nonce" || verdict === "wrong-body");
      scene.check("answers of somebody else", report.summary(stray), stray.length === 0);
      scene.checkLoad(report);
    },
  },
];

/** For a response that is cut off somewhere. */
export function cutAsk(scene: Scene): Ask {
  const answerBytes = scene.random.pick([1, 10, 1_000, 70_000]);
  const plan = `body-${scene.random.between(0, answerBytes - 1)}-then-${scene.random.pick(["rst", "fin"])}`;
  return scene.ask({ method: scene.random.pick(["GET", "POST"]), bodyBytes: 0, answerBytes, plan, path: "/cut" });
}

/** 502 is right where nothing had been forwarded yet. */
export function looksComplete({ verdict, status }: FinishedRequest): boolean {
  return !CUT.has(verdict) && status !== 502;
}

/** A response that a client can't take for a complete one; or none, where nothing had been forwarded yet. */
const CUT: ReadonlySet<string> = new Set(["truncated", "reset-after-request", "reset-before-bytes"]);

export function forwarding(address: string): Config {
  return {
    listeners: ["127.0.0.1:0"],
    upstreams: { app: { servers: [address] } },
    routes: [{ id: "all", upstream: "app" }],
  };
}
