import { connect, type Socket } from "node:net";
import { pause, until } from "../../e2e/wait.ts";
import { type Ask, requestBytes } from "../load-client.ts";
import type { FinishedRequest } from "../load-report.ts";
import type { ProxyProcess } from "../proxy-process.ts";
import type { Scenario, Scene } from "../scenario.ts";
import { forwarding } from "./messages.ts";

/** Clients that leave in the middle, and clients that are too many. */
export const clients: readonly Scenario[] = [
  {
    name: "aborting",
    rows: ["A30"],
    what: "clients leave before the response, in the middle of it, and in the middle of their upload",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy({ ...forwarding(origin!.address), timeouts: { poolIdle: "300ms" } });
      const warm = await scene.clients(proxy, { requests: 50, requestsPerSecond: 200 }).run();
      scene.check("failures before", warm.summary(), warm.failures.length === 0);
      await until(() => origin!.openConnections === 0, "the pool to let go of its connections");
      const before = proxy.descriptors();
      const endsAt = performance.now() + scene.seconds * 1000;
      let aborted = 0;
      const worker = async () => {
        while (performance.now() < endsAt) {
          await abort(scene, proxy);
          aborted++;
        }
      };
      await Promise.all(Array.from({ length: 10 }, worker));
      scene.check("clients that left", aborted, aborted > 0);
      const leftAt = performance.now();
      // What a client had asked for is given up upstream, too; connections that are whole rest in the pool at most.
      await until(
        () => origin!.openConnections === 0 && proxy.descriptors() <= before,
        () => `${origin!.openConnections} connections upstream, ${proxy.descriptors()} descriptors, ${before} before`,
        5_000,
      );
      scene.check("descriptors afterwards", `${proxy.descriptors()}, ${before} before`, proxy.descriptors() <= before);
      scene.checkTime("until then", performance.now() - leftAt, 1_000);
      const after = await scene.clients(proxy, { requests: 50, requestsPerSecond: 200 }).run();
      scene.check("failures afterwards", after.summary(), after.failures.length === 0);
    },
  },
  {
    name: "exhausted",
    rows: ["A32", "Q02"],
    what: "1,000 clients come to a process that may open 256 descriptors; those it has are served on",
    async run(scene) {
      const [origin] = await scene.origins(1);
      const proxy = await scene.proxy(forwarding(origin!.address), { descriptorsMax: 256 });
      const start = proxy.descriptors();
      const honest = scene.clients(proxy, { requestsPerSecond: 30, connectionsMax: 1 });
      const load = honest.run();
      await pause(300);
      const crowd = Array.from({ length: 1_000 }, (_, i) => crowdMember(scene, proxy, 5 + (i % 20)));
      await pause(scene.seconds * 600);
      const answered = crowd.filter((socket) => socket.bytesRead > 0).length;
      for (const socket of crowd) socket.destroy();
      const report = await load;
      // To be told to come back later is an answer; shedding is allowed when it gets tight.
      const isShed = ({ status, retryAfter }: FinishedRequest) => status === 503 && retryAfter !== null;
      const failures = report.failures.filter((request) => !isShed(request));
      scene.check(
        "failures of the client that was there before",
        scene.failuresText(report, failures),
        failures.length === 0,
      );
      scene.tell("503 with Retry-After to it", `${report.count(isShed)} of ${report.requests}`);
      scene.check("clients of the crowd that were answered", answered, answered > 20);
      const after = await scene.clients(proxy, { requests: 50, requestsPerSecond: 100 }).run();
      scene.check("failures afterwards", after.summary(), after.failures.length === 0);
      await until(
        () => proxy.descriptors() < start + 70,
        () => `${proxy.descriptors()} descriptors, ${start} at the start`,
      );
      scene.tell("descriptors at the start and at the end", `${start}, ${proxy.descriptors()}`);
    },
  },
];

/** One client that leaves, in one of several ways; resolves when it is gone. */
function abort(scene: Scene, { target }: ProxyProcess): Promise<void> {
  const way = scene.random.between(0, 3);
  const resets = scene.random.next() < 0.5;
  const upload = scene.ask({ method: "POST", bodyBytes: 20_000 });
  // A FIN behind a whole request may be half a close, and its answer is still due; a reset says that nobody waits.
  const asks: readonly Ask[] = [
    scene.ask({ method: "GET", plan: resets ? "hang-after-head" : "late-200" }),
    scene.ask({ method: "GET", answerBytes: 70_000, plan: "slow-100000" }),
    upload,
    scene.ask({ method: "GET", answerBytes: 70_000 }),
  ];
  return new Promise((resolve) => {
    const socket = connect({ ...target, localAddress: "127.0.0.5" });
    const leave = () => (resets ? socket.resetAndDestroy() : socket.destroy());
    socket.once("connect", () => {
      const bytes = requestBytes(asks[way] as Ask);
      socket.write(way === 2 ? bytes.subarray(0, bytes.length - 5_000) : bytes);
      if (way === 0 || way === 2) setTimeout(leave, scene.random.between(0, 20));
    });
    socket.once("data", leave);
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
}

function crowdMember(scene: Scene, { target }: ProxyProcess, addressEnd: number): Socket {
  const socket = connect({ ...target, localAddress: `127.0.0.${addressEnd}` });
  socket.on("error", () => {});
  socket.on("data", () => {});
  socket.once("connect", () =>
    socket.write(requestBytes(scene.ask({ method: "GET", plan: "late-300", answerBytes: 10 }))),
  );
  return socket;
}
