import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { ServerView } from "../../core/proxy.ts";
import { type Fleet, type FleetOptions, fleetOf, mostPerSecond } from "./availability/fleet.ts";

/** Servers that refuse, hang, lie, flap and come back, and what the proxy makes of it. */

let fleet: Fleet;
afterEach(() => fleet.close());

/** Round-robin, so that every server has its turn; further tries hide nothing here. */
async function fleetWith(health: object, options: FleetOptions = {}): Promise<void> {
  fleet = await fleetOf({ ...options, upstream: { balance: "round-robin", health, ...options.upstream } });
}

const CHECK = { path: "/healthz" };

const states = (): string =>
  fleet.proxy
    .serverStates()
    .map(({ state }) => state)
    .join(" ");
const view = (number: number): ServerView => fleet.proxy.serverStates()[number - 1] as ServerView;
/** `9002 up -> down`, in order. */
const changes = (): string[] =>
  fleet.notices.flatMap((notice) =>
    notice.kind === "server-state" ? [`${notice.server.split(":")[1]} ${notice.from} -> ${notice.to}`] : [],
  );
const arrived = (): number[] => fleet.servers.map(({ arrivals }) => arrivals.length);
/** Requests one after the other. */
function askTimes(count: number): void {
  for (let i = 0; i < count; i++) {
    fleet.ask();
    fleet.pass(1);
  }
}
const clear = (): void => {
  for (const server of fleet.servers) server.arrivals.length = 0;
};

describe("one of three servers that refuses", () => {
  it("is out after five failures, asked once a second at most, and back with one request", async () => {
    await fleetWith({});
    fleet.server(2).refuse();
    askTimes(30);
    assert.equal(states(), "up ejected up");
    const { connectsMs } = fleet.server(2);
    assert.ok(connectsMs.length <= 6, `${connectsMs.length} connects`);
    assert.ok(view(2).isRefusing);
    assert.match(view(2).reason, /^5 failures in a row, the last: it refused the connection; out for 10 s$/);
    fleet.load({ everyMs: 20, forMs: 8_000 });
    fleet.pass(8_000);
    assert.ok(mostPerSecond(connectsMs, fleet.sim.clock.now() - 7_000) <= 2);
    fleet.server(2).restore();
    fleet.pass(3_500);
    assert.equal(states(), "up probing up");
    clear();
    askTimes(30);
    assert.equal(states(), "up up up");
    assert.ok((arrived()[1] ?? 0) >= 8, `${arrived()}`);
    assert.deepEqual(changes(), ["9002 up -> ejected", "9002 ejected -> probing", "9002 probing -> up"]);
  });

  it("that goes on refusing costs no request a try when its time is over", async () => {
    await fleetWith({});
    fleet.server(2).refuse();
    askTimes(30);
    const tries = () => fleet.reports.filter(({ status }) => status !== 200).length;
    const before = tries();
    fleet.load({ everyMs: 200, forMs: 40_000 });
    fleet.pass(40_000);
    assert.equal(states(), "up ejected up");
    assert.equal(tries(), before);
  });
});

describe("the request on trial", () => {
  it("is one, however many come at that time", async () => {
    await fleetWith({ ejection: { consecutiveFailures: 1 } });
    fleet.server(3).plan = { act: "reset" };
    askTimes(6);
    assert.equal(states(), "up up ejected");
    fleet.pass(10_500);
    fleet.server(3).plan = { delayMs: 2_000 };
    clear();
    fleet.load({ everyMs: 10, forMs: 1_500 });
    fleet.pass(1_500);
    assert.equal(arrived()[2], 1);
    assert.equal(states(), "up up probing");
    fleet.pass(1_000);
    assert.equal(states(), "up up up");
    assert.deepEqual(fleet.tally(fleet.askedWithin(fleet.sim.clock.now() - 2_600)), { ok: 150 });
  });

  it("that fails makes it longer: 10, 20, 30 seconds", async () => {
    await fleetWith({ ejection: { consecutiveFailures: 1 } });
    fleet.server(3).plan = { status: 503 };
    fleet.load({ everyMs: 100, forMs: 70_000 });
    fleet.pass(70_000);
    const times = fleet.server(3).arrivals.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, i) => Math.floor((atMs - (times[i] ?? 0)) / 5_000) * 5);
    assert.deepEqual(gaps, [10, 20, 30]);
  });
});

describe("a server that takes no connections", () => {
  it("is out after five connects that came to nothing, and one that answers nothing after five requests", async () => {
    await fleetWith({}, { config: { timeouts: { connect: "500ms", firstByte: "1s" } } });
    fleet.server(1).blackhole();
    fleet.server(1).plan = {};
    for (let i = 0; i < 15; i++) fleet.ask();
    fleet.pass(700);
    assert.equal(states(), "ejected up up");
    fleet.server(1).restore();
    fleet.pass(10_000);
    askTimes(6);
    assert.equal(states(), "up up up");
    fleet.server(3).plan = { act: "hang" };
    for (let i = 0; i < 15; i++) fleet.ask();
    fleet.pass(3_000);
    assert.equal(states(), "up up ejected");
  });
});

describe("a health endpoint", () => {
  it("that fails takes its server out before any request has failed, and brings it back", async () => {
    await fleetWith({ check: CHECK });
    fleet.pass(10_000);
    assert.equal(states(), "up up up");
    fleet.server(1).plan = { check: 500 };
    fleet.pass(8_000);
    assert.equal(states(), "down up up");
    assert.equal(view(1).reason, "a check failed: status 500 is not one of 200-399");
    clear();
    askTimes(20);
    assert.deepEqual(arrived(), [0, 10, 10]);
    fleet.server(1).plan = {};
    fleet.pass(8_000);
    assert.equal(states(), "up up up");
    assert.deepEqual(changes(), ["9001 up -> down", "9001 down -> up"]);
  });

  for (const check of ["hang", "reset"] as const) {
    it(`that ${check}s does so, too`, async () => {
      await fleetWith({ check: CHECK });
      fleet.pass(2_000);
      fleet.server(1).plan = { check };
      fleet.pass(12_000);
      assert.equal(states(), "down up up");
    });
  }

  it("that lies is believed once: within 10 s the server has less than 1 % of the traffic", async () => {
    await fleetWith({ check: CHECK });
    fleet.pass(3_000);
    fleet.server(2).plan = { status: 503, check: 200 };
    fleet.load({ everyMs: 50, forMs: 60_000 });
    fleet.pass(10_000);
    clear();
    fleet.pass(50_000);
    const [, lying = 0] = arrived();
    assert.ok(lying > 0 && lying < 10, `${arrived()}`);
    assert.ok(fleet.server(2).checksMs.length > 8, "it says all is well");
  });

  it("that fails everywhere while traffic is fine costs nobody anything", async () => {
    await fleetWith({ check: CHECK }, { plan: { check: 500 } });
    fleet.load({ everyMs: 50, forMs: 20_000 });
    fleet.pass(20_500);
    assert.equal(states(), "down down down");
    assert.deepEqual(fleet.tally(), { ok: 400 });
    assert.deepEqual(
      fleet.notices.flatMap((notice) => (notice.kind === "panic" ? [notice.isPanic] : [])),
      [true],
    );
  });

  it("that fails everywhere leaves nobody where panic is turned off", async () => {
    await fleetWith({ check: CHECK, panicThreshold: "0%" }, { plan: { check: 500 } });
    fleet.pass(3_000);
    fleet.ask();
    assert.deepEqual(fleet.tally(), { 503: 1 });
  });
});

describe("a panic", () => {
  it("Q09 spreads over all when 60 % are unhealthy, says so, and never over those an operator has taken out", async () => {
    await fleetWith({ check: CHECK, panicThreshold: "45%" }, { servers: 5 });
    assert.ok(fleet.proxy.setServerState("app", "127.0.0.1:9005", "drain"));
    for (const number of [1, 2]) fleet.server(number).plan = { check: 500 };
    fleet.pass(3_000);
    askTimes(20);
    assert.deepEqual(arrived(), [0, 0, 10, 10, 0], "half of those in service are enough");
    fleet.server(3).plan = { check: 500 };
    fleet.pass(9_000);
    clear();
    askTimes(20);
    assert.deepEqual(arrived(), [5, 5, 5, 5, 0]);
    const panics = fleet.notices.flatMap((notice) => (notice.kind === "panic" ? [notice] : []));
    assert.deepEqual(panics, [{ kind: "panic", upstream: "app", isPanic: true, healthy: 1, servers: 4 }]);
  });
});

describe("checks", () => {
  it("Q10 of 1,000 servers that hang are spread, 64 at once, and leave nothing open", async () => {
    const list = Array.from({ length: 1_000 }, (_, at) => `127.1.${at >> 8}.${at & 255}:80`);
    let open = 0;
    let most = 0;
    const connects: number[] = [];
    await fleetWith(
      { check: { ...CHECK, interval: "1m", timeout: "500ms" } },
      {
        servers: 1,
        list: ["127.0.0.1:9001", ...list],
        prepare: ({ sim }) => {
          for (const address of list) sim.hang(address);
        },
        onConnect(_address, isOver) {
          open += isOver ? -1 : 1;
          most = Math.max(most, open);
          if (!isOver) connects.push(fleet.sim.clock.now());
        },
      },
    );
    fleet.pass(15_000);
    assert.ok(connects.length >= 1_000, `${connects.length}`);
    assert.equal(most, 64);
    assert.ok(new Set(connects.slice(0, 64).map((atMs) => Math.floor(atMs / 50))).size > 1, "not all in one tick");
    assert.equal(fleet.proxy.serverStates().filter(({ state }) => state === "down").length, 1_000);
    assert.equal(fleet.server(1).openLinks, 0);
  });

  it("come in their rhythm, on connections of their own, as the configuration says", async () => {
    await fleetWith({ check: { ...CHECK, interval: "2s", jitter: "0%", headers: { "X-Check": "1" } } }, { servers: 1 });
    fleet.pass(20_000);
    const { checksMs, links } = fleet.server(1);
    assert.ok(checksMs.length >= 9 && checksMs.length <= 11, `${checksMs.length}`);
    assert.equal(links.length, checksMs.length, "one connection each");
    assert.equal(fleet.server(1).openLinks, 0);
    const [first] = links;
    assert.match(first?.raw ?? "", /^GET \/healthz HTTP\/1\.1\r\nHost: 127\.0\.0\.1:9001\r\n/);
    assert.match(first?.raw ?? "", /\r\nX-Check: 1\r\n/);
    assert.deepEqual(fleet.reports, [], "no request of anybody");
  });

  it("follow the list of servers, and survive a reload that leaves them as they are", async () => {
    await fleetWith({ check: { ...CHECK, jitter: "0%" } });
    fleet.server(3).plan = { check: 500 };
    fleet.pass(3_000);
    assert.equal(states(), "up up down");
    const two = fleet.servers.slice(1).map(({ address }) => address);
    assert.ok(await fleet.reload({ servers: two }));
    assert.equal(states(), "up down", "what is known stays known");
    const gone = fleet.server(1).checksMs.length;
    fleet.pass(20_000);
    assert.equal(fleet.server(1).checksMs.length, gone);
    const kept = fleet.server(2).checksMs;
    const gaps = kept.slice(2).map((atMs, i) => Math.round((atMs - (kept[i + 1] ?? 0)) / 250) * 250);
    assert.deepEqual([...new Set(gaps)], [5_000], "nothing is checked anew");
    assert.ok(await fleet.reload({ servers: two, health: {} }));
    assert.equal(states(), "up up", "nobody checks any more");
    fleet.pass(20_000);
    assert.ok(kept.length === fleet.server(2).checksMs.length);
  });

  it("are made before a reload that adds a server goes through", async () => {
    await fleetWith({ check: CHECK }, { list: ["127.0.0.1:9001", "127.0.0.1:9002"] });
    fleet.pass(3_000);
    fleet.server(3).plan = { check: 503 };
    assert.ok(await fleet.reload({ servers: fleet.servers.map(({ address }) => address) }));
    assert.equal(states(), "up up down");
    clear();
    askTimes(12);
    assert.deepEqual(arrived(), [6, 6, 0]);
  });

  it("that a reload changes are the new ones from then on", async () => {
    await fleetWith({ check: { ...CHECK, status: 500 } });
    fleet.pass(3_000);
    assert.equal(states(), "down down down");
    assert.ok(await fleet.reload({ health: { check: CHECK } }));
    fleet.pass(3_000);
    assert.equal(states(), "up up up");
  });
});

describe("servers that are all gone", () => {
  it("cost 503 at once with Retry-After and no storm of connects, and are back within a second or so", async () => {
    await fleetWith({});
    for (const server of fleet.servers) server.refuse();
    askTimes(10);
    fleet.load({ everyMs: 20, forMs: 5_000 });
    const startMs = fleet.sim.clock.now();
    fleet.pass(5_000);
    const asked = fleet.askedWithin(startMs);
    assert.deepEqual(fleet.tally(asked), { 503: 250 });
    assert.ok(Math.max(...asked.map(({ tookMs }) => tookMs)) < 10);
    assert.ok(asked.every(({ fields }) => fields.some(([name]) => name.toLowerCase() === "retry-after")));
    for (const { connectsMs } of fleet.servers) assert.ok(mostPerSecond(connectsMs, startMs) <= 2);
    for (const server of fleet.servers) server.restore();
    fleet.pass(1_200);
    askTimes(1);
    assert.equal(fleet.asked.at(-1)?.ending, "ok");
  });

  it("are one server: it is tried each time", async () => {
    await fleetWith({}, { servers: 1 });
    fleet.server(1).refuse();
    askTimes(20);
    assert.deepEqual(fleet.tally(), { 502: 20 });
    assert.equal(states(), "up");
    fleet.server(1).restore();
    askTimes(1);
    assert.equal(fleet.asked.at(-1)?.ending, "ok");
  });
});

describe("a server that flaps", () => {
  it("is left out longer and longer", async () => {
    await fleetWith({});
    for (let second = 0; second < 120; second++) {
      fleet.sim.clock.appoint(second * 1_000, () => {
        if (second % 2 === 0) fleet.server(1).refuse();
        else fleet.server(1).restore();
      });
    }
    fleet.load({ everyMs: 60, forMs: 120_000 });
    fleet.pass(120_000);
    const down = changes().filter((change) => change.endsWith("-> ejected")).length;
    assert.ok(down >= 2 && down <= 6, `${down} times out: ${changes()}`);
    const failed = fleet.asked.length - (fleet.tally()["ok"] ?? 0);
    assert.ok(failed <= 6 * down, `${failed} failed in ${down} times`);
  });
});

describe("an operator", () => {
  it("drains a server: what is under way ends there, nothing new comes; and maintains it: nothing at all", async () => {
    await fleetWith({ check: CHECK }, { plan: { delayMs: 100 } });
    for (let i = 0; i < 3; i++) fleet.ask();
    assert.ok(fleet.proxy.setServerState("app", "127.0.0.1:9001", "drain"));
    askTimes(4);
    fleet.pass(300);
    assert.deepEqual(arrived(), [1, 3, 3]);
    assert.deepEqual(fleet.tally(), { ok: 7 });
    const checked = fleet.server(1).checksMs.length;
    fleet.pass(10_000);
    assert.ok(fleet.server(1).checksMs.length > checked, "still checked");
    assert.ok(fleet.proxy.setServerState("app", "127.0.0.1:9001", "maintenance"));
    const maintained = fleet.server(1).checksMs.length;
    fleet.pass(10_000);
    assert.equal(fleet.server(1).checksMs.length, maintained);
  });

  it("is obeyed in a panic, and across reloads", async () => {
    await fleetWith({ check: CHECK }, { plan: { check: 500 } });
    assert.ok(fleet.proxy.setServerState("app", "127.0.0.1:9001", "drain"));
    fleet.pass(3_000);
    askTimes(10);
    assert.deepEqual(arrived(), [0, 5, 5]);
    assert.ok(await fleet.reload({ health: {} }));
    assert.equal(states(), "drain up up");
    askTimes(10);
    assert.equal(arrived()[0], 0);
  });

  it("may say so in the configuration", async () => {
    const list = [{ address: "127.0.0.1:9001", state: "maintenance" }, "127.0.0.1:9002"];
    await fleetWith({}, { list });
    askTimes(4);
    assert.deepEqual(arrived(), [0, 4, 0]);
    assert.ok(await fleet.reload({ servers: ["127.0.0.1:9001", "127.0.0.1:9002"] }));
    assert.equal(states(), "up up");
  });
});

describe("an agent", () => {
  it("says how much its server can take", async () => {
    const list = ["127.0.0.1:9001", "127.0.0.2:9001"];
    let line = "25%\n";
    await fleetWith({ agent: { port: 9100, interval: "1s" } }, { addresses: list, list });
    const agent = fleet.sim.serve("127.0.0.2:9100", (peer) => peer.send(line));
    fleet.pass(1_500);
    askTimes(50);
    assert.deepEqual(arrived(), [40, 10]);
    line = "drain\n";
    fleet.pass(1_500);
    clear();
    askTimes(10);
    assert.deepEqual(arrived(), [10, 0]);
    assert.equal(states(), "up drain");
    line = "ready 100%\n";
    fleet.pass(1_500);
    clear();
    askTimes(10);
    assert.deepEqual(arrived(), [5, 5]);
    agent.close();
  });
});
