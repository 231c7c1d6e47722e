import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import type { AgentReply } from "../../../core/health/agent-reply.ts";
import { Checks } from "../../../core/health/checks.ts";
import { DEFAULT_EJECTION, DEFAULT_HEALTH, type HealthDefinition } from "../../../core/health/definition.ts";
import { GroupHealth, isCalled, type Member } from "../../../core/health/group-health.ts";
import { ServerHealth } from "../../../core/health/server-health.ts";
import type { Notice } from "../../../core/observe/events.ts";
import type { Outcome } from "../../../core/upstream/outcome.ts";
import { addressOf } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { type CheckWorld, checkWorld, socketsLeft } from "./check-world.ts";

let world: CheckWorld;
let checks: Checks;
let notices: Notice[];
beforeEach(() => {
  world = checkWorld();
  checks = new Checks(world);
  notices = [];
});

interface Server extends Member {
  readonly said: (AgentReply | null)[];
}

const nameOf = (at: number): string => `127.0.0.1:${9001 + at}`;

function servers(count: number): Server[] {
  return Array.from({ length: count }, (_, at) => {
    const said: (AgentReply | null)[] = [];
    const adjust = (reply: AgentReply | null): boolean => said.push(reply) > 0;
    return { label: nameOf(at), address: addressOf(nameOf(at)), health: new ServerHealth(), tier: 0, said, adjust };
  });
}

/** `borrowed` are still another group's. */
function groupOf(
  members: readonly Server[],
  definition: Partial<HealthDefinition> = {},
  borrowed: readonly Server[] = [],
) {
  let changes = 0;
  const observer = { wantsTimes: false, onExchange() {}, onNotice: (notice: Notice) => void notices.push(notice) };
  const group = new GroupHealth<Server>(
    "app",
    { ...DEFAULT_HEALTH, ...definition },
    { ...world, checks, observer },
    () => void changes++,
  );
  group.follow(members, new Set(borrowed));
  return Object.assign(group, { changes: () => changes });
}

const eligible = (group: GroupHealth<Server>): string =>
  group
    .eligible()
    .map(({ label }) => Number(label.split(":")[1]) - 9001)
    .join("");

function fail(server: Server | undefined, times = 5, outcome: Outcome = "broken"): void {
  for (let i = 0; i < times; i++) server?.health.report(outcome);
}

const states = (members: readonly Server[]): string => members.map(({ health }) => health.state).join(" ");
const told = (): string[] =>
  notices.flatMap((notice) =>
    notice.kind === "server-state" ? [`${notice.upstream} ${notice.server} ${notice.from} -> ${notice.to}`] : [],
  );

describe("the servers of a group", () => {
  for (const [count, out] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [10, 5],
  ] as const) {
    it(`of ${count}: at most ${out} are out at once`, () => {
      const members = servers(count);
      groupOf(members);
      for (const member of members) fail(member, 20);
      assert.equal(members.filter(({ health }) => health.isEjected).length, out);
    });
  }

  it("have their share by what is configured: 29 of 100 are 29", () => {
    const members = servers(100);
    groupOf(members, { ejection: { ...DEFAULT_EJECTION, shareMax: 0.29 } });
    for (const member of members) fail(member);
    assert.equal(members.filter(({ health }) => health.isEjected).length, 29);
  });

  it("are not put out where that is off", () => {
    const members = servers(3);
    groupOf(members, { ejection: null });
    fail(members[0], 100);
    assert.equal(states(members), "up up up");
  });

  it("come in again when the group becomes too small for so many to be out", () => {
    const members = servers(4);
    const group = groupOf(members);
    fail(members[0]);
    fail(members[1]);
    assert.equal(states(members), "ejected ejected up up");
    group.follow(members.slice(0, 2));
    assert.equal(states(members.slice(0, 2)).split(" ").sort().join(" "), "ejected up");
    group.follow(members.slice(1, 2));
    assert.equal(members[1]?.health.state, "up");
  });

  it("… as many as have to, and not before the reload that makes it smaller goes through", () => {
    const members = servers(8);
    groupOf(members);
    for (const member of members.slice(0, 4)) fail(member);
    const fewer = members.slice(0, 7);
    const next = groupOf(fewer, {}, fewer);
    assert.equal(states(fewer), "ejected ejected ejected ejected up up up");
    next.follow(fewer);
    assert.equal(states(fewer).split("ejected").length - 1, 3);
  });

  it("count without those an operator has taken out", () => {
    const members = servers(2);
    const group = groupOf(members);
    fail(members[0]);
    assert.ok(group.setState(nameOf(1), "maintenance"));
    assert.equal(states(members), "up maintenance", "the only one is never out");
    fail(members[0], 50);
    assert.equal(eligible(group), "0");
    assert.ok(!group.setState("127.0.0.1:1", "drain"), "nobody of that name");
  });

  it("that were found by one name are meant together by it, or one at a time", () => {
    const members = servers(3).map((server, at) => ({ ...server, label: at < 2 ? `app:80/10.0.0.${at}` : "app:8080" }));
    const group = groupOf(members);
    assert.ok(group.setState("app:80", "drain"));
    assert.equal(states(members), "drain drain up");
    assert.ok(group.setState("app:80/10.0.0.1", "ready"));
    assert.equal(states(members), "drain up up");
  });

  it("are called by their label, or by what was written", () => {
    const label = "x.internal:80/10.0.0.1";
    for (const name of [label, "x.internal:80"]) assert.ok(isCalled({ label }, name), name);
    for (const name of ["x.internal", "x.internal:80/", "", "10.0.0.1"]) assert.ok(!isCalled({ label }, name), name);
  });

  it("are not meant by a path that theirs begins with", () => {
    const members = servers(2).map((server, at) => ({
      ...server,
      label: ["unix:/run/app", "unix:/run/app/b.sock"][at]!,
    }));
    const group = groupOf(members);
    assert.ok(group.setState("unix:/run/app", "maintenance"));
    assert.equal(states(members), "maintenance up");
    assert.ok(!group.setState("unix:/run", "drain"));
  });

  it("leave a place to another when they are down anyway, or wait for a request that may never come", () => {
    const members = servers(2);
    const group = groupOf(members);
    fail(members[0]);
    members[0]?.health.onChecked({ isPassed: false, isUp: false, reason: "checked" });
    assert.ok(group.mayEject(), "down");
    members[0]?.health.onChecked({ isPassed: true, isUp: true, reason: "checked" });
    assert.equal(states(members), "probing up");
    fail(members[1]);
    assert.equal(states(members), "probing ejected");
    world.sim.advance(1_000);
    members[0]?.health.onPick();
    fail(members[0], 1);
    assert.equal(states(members), "ejected up", "who was out before comes in again");
  });

  it("have their place back when the one that waited for its trial refuses connections", () => {
    const members = servers(2);
    const group = groupOf(members);
    fail(members[1]);
    world.sim.advance(10_100);
    fail(members[0]);
    assert.equal(states(members), "ejected probing");
    fail(members[1], 1, "refused");
    assert.deepEqual([states(members), eligible(group)], ["up probing", "0"]);
  });

  it("do not come in by refusing the request that was to show whether they are well", () => {
    const members = servers(2);
    const group = groupOf(members);
    fail(members[1]);
    world.sim.advance(10_500);
    fail(members[0], 5, "refused");
    members[1]?.health.onPick();
    notices = [];
    fail(members[1], 1, "refused");
    assert.deepEqual(told(), [`app ${nameOf(0)} ejected -> up`, `app ${nameOf(1)} probing -> ejected`]);
    assert.equal(eligible(group), "", "nobody listens anywhere");
  });

  it("that have been out longest come in first, wherever the wall clock was set meanwhile", () => {
    const members = servers(6);
    const group = groupOf(members);
    for (const member of members.slice(0, 3)) {
      fail(member);
      world.sim.advance(100);
      world.sim.jumpWallClock(-3_600_000);
    }
    group.follow(members.slice(0, 4));
    assert.equal(states(members.slice(0, 4)), "up ejected ejected up");
  });

  it("that refuse connections are the last to come in when too many are out", () => {
    const members = servers(6);
    const group = groupOf(members);
    fail(members[0], 5, "refused");
    world.sim.advance(1);
    fail(members[1]);
    world.sim.advance(1);
    fail(members[2]);
    group.follow(members.slice(0, 4));
    assert.equal(states(members.slice(0, 4)), "ejected up ejected up");
  });

  it("tell of each change once", () => {
    const members = servers(3);
    const group = groupOf(members);
    fail(members[2], 9);
    group.setState(nameOf(2), "drain");
    group.setState(nameOf(2), "drain");
    assert.deepEqual(told(), ["app 127.0.0.1:9003 up -> ejected", "app 127.0.0.1:9003 ejected -> drain"]);
    assert.equal(eligible(group), "01");
  });

  it("that leave are watched no longer, those that stay keep everything", () => {
    const members = servers(3);
    const group = groupOf(members, { check: TCP });
    fail(members[0]);
    fail(members[2], 1, "refused");
    assert.equal(checks.count, 4);
    group.follow(members.slice(0, 2));
    assert.equal(checks.count, 2);
    assert.equal(states(members), "ejected up up");
    group.retire();
    assert.equal(checks.count, 0);
    world.sim.advance(60_000);
    assert.deepEqual(socketsLeft(world), []);
    assert.equal(told().length, 1);
  });
});

describe("panic", () => {
  it("is told when it begins and ends", () => {
    const members = servers(3);
    const group = groupOf(members);
    const down = (at: number, isPassed: boolean) =>
      members[at]?.health.onChecked({ isPassed, isUp: isPassed, reason: "checked" });
    down(0, false);
    assert.equal(eligible(group), "12");
    down(1, false);
    assert.equal(eligible(group), "012");
    down(0, true);
    assert.equal(eligible(group), "02");
    const panics = notices.filter(({ kind }) => kind === "panic");
    assert.deepEqual(panics, [
      { kind: "panic", upstream: "app", isPanic: true, healthy: 1, servers: 3 },
      { kind: "panic", upstream: "app", isPanic: false, healthy: 2, servers: 3 },
    ]);
  });
});

const TCP = {
  kind: "tcp",
  intervalMs: 5_000,
  fastIntervalMs: 1_000,
  timeoutMs: 2_000,
  rise: 2,
  fall: 3,
  jitter: 0,
  port: null,
  http: null,
} as const;

describe("servers that refuse", () => {
  it("are asked once a second until they accept, without a request being spent on it", () => {
    const members = servers(2);
    const group = groupOf(members);
    for (const member of members) fail(member, 1, "refused");
    assert.equal(eligible(group), "", "all refuse");
    let asked = 0;
    world.sim.advance(5_000);
    assert.equal(eligible(group), "");
    world.sim.serve(nameOf(1), () => void asked++);
    world.sim.advance(1_200);
    assert.equal(eligible(group), "01", "nobody is out");
    world.sim.advance(10_000);
    assert.equal(asked, 1, "and not asked any more");
    assert.equal(checks.count, 1);
  });

  it("alone are always tried, and not asked", () => {
    const members = servers(1);
    const group = groupOf(members);
    fail(members[0], 20, "refused");
    assert.equal(eligible(group), "0");
    assert.equal(checks.count, 0);
  });
});

describe("active checks", () => {
  it("take servers down and bring them back", () => {
    const members = servers(3);
    const group = groupOf(members, { check: TCP });
    for (const at of [0, 1]) world.sim.serve(nameOf(at), () => {});
    let isWarm = false;
    group.warm(() => {
      isWarm = true;
    });
    assert.ok(!isWarm);
    world.sim.advance(1_500);
    assert.ok(isWarm);
    assert.equal(states(members), "up up down");
    assert.equal(eligible(group), "01");
    world.sim.serve(nameOf(2), () => {});
    world.sim.advance(7_000);
    assert.equal(states(members), "up up up");
    assert.match(members[2]?.health.reason ?? "", /^a check passed: the connection was accepted$/);
  });

  it("find out that a port refuses, but only on the port of traffic", () => {
    const members = servers(2);
    groupOf(members, { check: TCP });
    world.sim.advance(1_500);
    assert.ok(members[0]?.health.isRefusing);
    const others = servers(2);
    groupOf(others, { check: { ...TCP, port: 1 } });
    world.sim.advance(1_500);
    assert.equal(states(others), "down down");
    assert.ok(!others[0]?.health.isRefusing);
  });

  it("leave alone who is in maintenance, not who is drained", () => {
    const members = servers(2);
    const group = groupOf(members, { check: TCP });
    group.setState(nameOf(0), "maintenance");
    group.setState(nameOf(1), "drain");
    assert.equal(checks.count, 1);
    group.setState(nameOf(0), "ready");
    assert.equal(checks.count, 2);
  });

  it("and what they said pass to the group after a reload", () => {
    const members = servers(2);
    const before = groupOf(members, { check: TCP });
    world.sim.serve(nameOf(0), () => {});
    world.sim.advance(1_500);
    assert.equal(states(members), "up down");
    const after = groupOf(members, { check: TCP }, members);
    let isWarm = false;
    after.warm(() => {
      isWarm = true;
    });
    assert.ok(isWarm, "nothing is checked anew");
    fail(members[0], 4);
    before.setState(nameOf(0), "drain");
    assert.equal(told().length, 2, "it is still the old group's");
    before.setState(nameOf(0), "ready");
    after.follow(members);
    before.retire();
    assert.equal(checks.count, 3, "two checks, and one asks whether it accepts again");
    assert.equal(eligible(after), "0");
    assert.equal(eligible(before), "0", "requests that began with it may still ask");
    const changes = before.changes();
    members[0]?.health.report("refused");
    assert.equal(before.changes(), changes, "only the new one is told");
    const without = groupOf(members);
    after.retire();
    assert.equal(states(members), "up up", "nobody checks any more");
    fail(members[0]);
    assert.equal(eligible(without), "1");
  });
});

describe("a group after a reload", () => {
  it("goes at once by what its own checks have found out while it was getting ready", () => {
    const members = servers(2);
    const before = groupOf(members);
    const after = groupOf(members, { check: { ...TCP, port: 8081 } }, members);
    world.sim.advance(1_500);
    assert.equal(states(members), "up up", "still by the old one");
    after.follow(members);
    before.retire();
    assert.equal(states(members), "down down");
  });

  it("tells nothing any more once another one has taken over", () => {
    const members = servers(3);
    const before = groupOf(members);
    const after = groupOf(members, {}, members);
    after.follow(members);
    before.retire();
    for (const at of [0, 1]) members[at]?.health.onChecked({ isPassed: false, isUp: false, reason: "checked" });
    const count = notices.length;
    assert.equal(eligible(before), "012", "in a panic");
    assert.equal(notices.length, count);
  });

  it("that did not go through leaves everything to the old one", () => {
    const members = servers(3);
    const before = groupOf(members.slice(0, 2), { check: TCP });
    const after = groupOf(members, { check: TCP }, members.slice(0, 2));
    assert.equal(checks.count, 3);
    after.retire();
    assert.equal(checks.count, 2);
    fail(members[0]);
    assert.equal(eligible(before), "1");
  });
});

describe("outliers", () => {
  const traffic = (members: readonly Server[], failing: number, outcome: Outcome = "server-error"): void => {
    for (const [at, { health }] of members.entries())
      for (let i = 0; i < 100; i++) health.report(at < failing && i % 4 === 0 ? outcome : "success");
  };

  it("are put out at the end of an interval, though they never fail five times in a row", () => {
    const members = servers(6);
    groupOf(members);
    traffic(members, 1);
    world.sim.advance(9_000);
    assert.equal(members[0]?.health.state, "up");
    world.sim.advance(1_200);
    assert.equal(states(members), "ejected up up up up up");
    assert.match(members[0]?.health.reason ?? "", /^only 75\.0 % of its requests succeeded, where 78\.1 % would/);
  });

  it("are judged by one interval at a time", () => {
    const members = servers(6);
    groupOf(members);
    for (const { health } of members) for (let i = 0; i < 60; i++) health.report("success");
    for (let i = 0; i < 30; i++) members[0]?.health.report("server-error");
    world.sim.advance(10_200);
    for (const { health } of members) for (let i = 0; i < 60; i++) health.report("success");
    world.sim.advance(10_000);
    assert.equal(states(members), "up up up up up up", "60 and 60 are not 120");
  });

  it("are nobody where that is off", () => {
    const members = servers(6);
    groupOf(members, { ejection: { ...DEFAULT_EJECTION, outliers: null } });
    traffic(members, 1);
    world.sim.advance(10_200);
    assert.equal(members[0]?.health.state, "up");
  });
});

describe("agents", () => {
  const AGENT = { port: 9100, intervalMs: 1_000, timeoutMs: 500 };

  it("say what weight their server has, and whether it is there", () => {
    const members = servers(2);
    const group = groupOf(members, { agent: AGENT });
    // Both servers have one address, and so one agent.
    let line = "50% maxconn:7\n";
    world.sim.serve("127.0.0.1:9100", (peer) => peer.send(line));
    world.sim.advance(1_200);
    assert.equal(checks.count, 1);
    assert.deepEqual([members[0]?.said.at(-1)?.weightShare, members[0]?.said.at(-1)?.connectionsMax], [0.5, 7]);
    line = "maint\n";
    world.sim.advance(1_200);
    assert.equal(states(members), "maintenance maintenance");
    line = "ready up\n";
    world.sim.advance(1_200);
    assert.equal(states(members), "up up");
    line = "stopped #rollout\n";
    world.sim.advance(1_200);
    assert.equal(members[0]?.health.reason, "its agent says so: rollout");
    assert.equal(eligible(group), "01", "all down is panic");
  });

  it("that can't be understood are told of once, and nothing changes", () => {
    const members = servers(1);
    groupOf(members, { agent: AGENT });
    world.sim.serve("127.0.0.1:9100", (peer) => peer.send("220 hello\n"));
    world.sim.advance(5_000);
    assert.deepEqual(notices, [
      { kind: "agent-malformed", upstream: "app", server: nameOf(0), reason: 'the agent said "220 hello"' },
    ]);
  });

  it("that can't be reached say nothing", () => {
    const members = servers(1);
    groupOf(members, { agent: AGENT });
    world.sim.advance(5_000);
    assert.deepEqual([notices.length, states(members)], [0, "up"]);
  });

  it("are not asked about sockets without ports, nor where an operator is at work; what they said is forgotten with them", () => {
    const [member] = servers(1) as [Server];
    groupOf([{ ...member, address: { kind: "unix", path: "/x" } }], { agent: AGENT });
    assert.equal(checks.count, 0);
    const members = servers(1);
    const group = groupOf(members, { agent: AGENT });
    group.setState(nameOf(0), "maintenance");
    assert.equal(checks.count, 0);
    group.setState(nameOf(0), "ready");
    members[0]?.health.onAgent({
      weightShare: null,
      weight: 0,
      connectionsMax: null,
      admin: null,
      isUp: null,
      why: "",
    });
    assert.equal(states(members), "drain");
    groupOf(members);
    assert.equal(states(members), "up");
    assert.equal(members[0]?.said.at(-1), null);
  });
});

describe("an operator and an agent who both want maintenance", () => {
  it("don't leave a server there for ever: its agent is asked again when the operator is done", () => {
    const members = servers(2);
    const group = groupOf(members, { agent: { port: 9100, intervalMs: 1_000, timeoutMs: 500 } });
    let line = "maint\n";
    world.sim.serve("127.0.0.1:9100", (peer) => peer.send(line));
    world.sim.advance(1_200);
    for (const state of ["maintenance", "ready"] as const) {
      group.setState(nameOf(0), state);
      group.follow(members);
    }
    group.setState(nameOf(0), "maintenance");
    group.follow(members);
    group.setState(nameOf(0), "ready");
    line = "ready\n";
    world.sim.advance(2_000);
    assert.equal(states(members), "up up");
  });

  it("need no agent while the operator has it", () => {
    const members = servers(1);
    const group = groupOf(members, { agent: { port: 9100, intervalMs: 1_000, timeoutMs: 500 } });
    world.sim.serve("127.0.0.1:9100", (peer) => peer.send("maint\n"));
    world.sim.advance(1_200);
    group.setState(nameOf(0), "maintenance");
    assert.equal(checks.count, 0);
  });
});

describe("whatever happens, in whatever order", () => {
  const outcomes: Outcome[] = [
    "success",
    "server-error",
    "gateway-error",
    "refused",
    "connect-failed",
    "timeout",
    "broken",
    "bad-response",
    "abandoned",
  ];
  const event = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.tuple(
        fc.constant("report" as const),
        fc.nat(7),
        fc.constantFrom(...outcomes),
        fc.integer({ min: 1, max: 7 }),
      ),
    },
    { weight: 4, arbitrary: fc.tuple(fc.constant("pick" as const), fc.constantFrom(...outcomes)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("check" as const), fc.nat(7), fc.boolean()) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constant("admin" as const), fc.nat(7), fc.constantFrom("ready", "drain", "maintenance")),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant("size" as const), fc.integer({ min: 1, max: 8 })) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("wait" as const), fc.integer({ min: 50, max: 30_000 })) },
  );

  it("not too many are out, the only one never, an operator is obeyed, and in the end all come back", () => {
    alwaysHolds(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(event, { maxLength: 60 }), (count, events) => {
        world = checkWorld();
        checks = new Checks(world);
        const all = servers(8);
        let members = all.slice(0, count);
        const group = groupOf(members);
        const operators = new Map<Server, string>();
        for (const each of events) {
          const member = typeof each[1] === "number" ? all[each[1]] : undefined;
          if (each[0] === "report") for (let i = 0; i < each[3]; i++) member?.health.report(each[2]);
          else if (each[0] === "check")
            member?.health.onChecked({ isPassed: each[2], isUp: each[2], reason: "checked" });
          else if (each[0] === "wait") world.sim.advance(each[1]);
          else if (each[0] === "size") {
            members = all.slice(0, each[1]);
            group.follow(members);
          } else if (each[0] === "admin") {
            if (member !== undefined && group.setState(member.label, each[2] as "ready"))
              operators.set(member, each[2]);
          } else {
            const [picked] = group.eligible();
            picked?.health.onPick();
            picked?.health.report(each[1]);
          }
          const ready = members.filter(({ health }) => health.isReady);
          const out = ready.filter(({ health }) => health.isEjected);
          assert.ok(out.length <= (ready.length < 2 ? 0 : Math.max(1, Math.floor(ready.length / 2))));
          for (const [server, operator] of operators)
            if (operator !== "ready") assert.ok(!group.eligible().includes(server) && server.health.state === operator);
          if (ready.length === 1) assert.deepEqual(group.eligible(), ready);
          if (ready.some(({ health }) => !health.isRefusing))
            assert.ok(group.eligible().length > 0 || ready.some(({ health }) => health.isEjected));
        }
        for (const { label } of members) group.setState(label, "ready");
        for (const { health } of members) {
          health.onAccepted();
          health.onChecked({ isPassed: true, isUp: true, reason: "well again" });
        }
        world.sim.advance(301_000);
        for (const { health } of members) {
          health.onPick();
          health.report("success");
          assert.equal(health.state, "up");
        }
        assert.equal(group.eligible().length, members.length);
        group.retire();
      }),
      150,
    );
  });
});
