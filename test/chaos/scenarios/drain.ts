import { pause, within } from "../../e2e/wait.ts";
import type { FinishedRequest, LoadReport } from "../load-report.ts";
import type { Scenario, Scene } from "../scenario.ts";
import { forwarding } from "./messages.ts";

/** The process is told to end under load, again and again. */
export const drain: readonly Scenario[] = [
  {
    name: "drain",
    rows: ["A18"],
    what: "SIGTERM under load, twice: nothing that was sent before is lost",
    run: (scene) => drainAgainAndAgain(scene, 2),
  },
  {
    name: "drain-long",
    rows: ["A18"],
    what: "SIGTERM under load, 20 times: nothing that was sent before is lost",
    isLong: true,
    run: (scene) => drainAgainAndAgain(scene, 20),
  },
];

const LATE_MS = 60;

async function drainAgainAndAgain(scene: Scene, times: number): Promise<void> {
  const [origin] = await scene.origins(1);
  let requests = 0;
  let afterSignal = 0;
  let exitMs = 0;
  const lost: FinishedRequest[] = [];
  const cut: FinishedRequest[] = [];
  const codes = new Set<number | null>();
  for (let i = 0; i < times; i++) {
    const proxy = await scene.proxy(forwarding(origin!.address));
    // Some are under way whenever the signal comes.
    const make = () => scene.ask(scene.random.next() < 0.3 ? { plan: `late-${LATE_MS}` } : {});
    const clients = scene.clients(proxy, { make, patienceMs: 5_000 });
    const load = clients.run();
    await pause(300 + scene.random.between(0, 200));
    const signalledMs = clients.elapsedMs;
    proxy.signal("SIGTERM");
    const { code } = await within(proxy.exited, "the end of the proxy");
    exitMs = Math.max(exitMs, clients.elapsedMs - signalledMs);
    codes.add(code);
    clients.stop();
    const report: LoadReport = await load;
    requests += report.count(({ sentMs }) => sentMs < signalledMs);
    afterSignal += report.count(({ sentMs, verdict }) => sentMs >= signalledMs && verdict === "ok");
    lost.push(...report.failures.filter(({ sentMs }) => sentMs < signalledMs));
    cut.push(...report.failures.filter(({ sentMs, verdict }) => sentMs >= signalledMs && !NEVER_TAKEN.has(verdict)));
  }
  const [first] = lost;
  const example = first === undefined ? "" : `; first: ${first.method} ${first.nonce} ${first.verdict} ${first.detail}`;
  scene.check("lost of those sent before the signal", `${lost.length} of ${requests}${example}`, lost.length === 0);
  scene.check(
    "broken of those sent later",
    cut.map(({ verdict, detail }) => `${verdict} ${detail}`).join("; ") || 0,
    cut.length === 0,
  );
  scene.tell("served of those sent later", afterSignal);
  scene.check("exit codes", [...codes].join(", "), codes.size === 1 && codes.has(0));
  scene.checkTime("the slowest end", exitMs, LATE_MS + 1_000);
  const duplicates = scene.ledger.duplicates();
  scene.check("POSTs that arrived twice", duplicates.slice(0, 3).join("; ") || 0, duplicates.length === 0);
}

/** What a client may meet once the listener is closed and resting connections end: it tries elsewhere. */
const NEVER_TAKEN: ReadonlySet<string> = new Set(["refused", "reset-before-bytes", "reset-after-request"]);
