import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { type Fault, NO_SERVER, TARGET_NOT_ALLOWED } from "../../../core/fault.ts";
import { TARGET_FAILED_IDLE_MS, TARGET_IDLE_MS, TARGET_NAME_MS, TARGETS_MAX } from "../../../core/limits.ts";
import { Group } from "../../../core/upstream/group.ts";
import { Targets } from "../../../core/upstream/targets.ts";
import { POOL } from "./definitions.ts";
import { namesBench } from "./discovery-parts.ts";

function play(...allowed: string[]) {
  const { sim, names, pass } = namesBench();
  names.start();
  const surroundings = {
    runtime: sim.runtime,
    timers: names.timers,
    slab: new Slab(),
    discovery: { names, lists: null, notify: () => {} },
  };
  const targets = new Targets(allowed, POOL, surroundings);
  const find = (host: string, port = 80) => {
    const found: (Group | Fault)[] = [];
    targets.find(host, port, (one) => found.push(one));
    return found;
  };
  return { sim, names, pass, targets, find };
}

const addressesOf = (found: Group | Fault | undefined) => {
  assert.ok(found instanceof Group, String((found as Fault | undefined)?.code));
  return found.endpoints.map(({ address }) => (address.kind === "tcp" ? address.host : "unix"));
};

describe("targets in no list", () => {
  it("are groups by address and port, made once", () => {
    const { find, targets } = play("10.0.0.0/8", "fd00::/8");
    const [one] = find("10.0.0.1", 8080);
    assert.deepEqual(addressesOf(one), ["10.0.0.1"]);
    assert.equal(find("10.0.0.1", 8080)[0], one);
    assert.equal(find("::ffff:10.0.0.1", 8080)[0], one, "another spelling");
    assert.notEqual(find("10.0.0.1", 8081)[0], one);
    assert.deepEqual(addressesOf(find("fd00:0::1")[0]), ["fd00::1"]);
    assert.equal(targets.count, 3);
  });

  it("outside are refused in every spelling, and asked for nowhere", () => {
    const { find, targets, names } = play("10.0.0.0/8", "0.0.0.0/0", "::/0");
    const narrow = play("10.0.0.0/8");
    for (const host of [
      "127.0.0.1",
      "127.1",
      "127.0.0.1.",
      "127.0.1",
      "0x7f.1",
      "0x7f000001",
      "2130706433",
      "017700000001",
      "0177.0.0.1",
      "10.0.0.01",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "::127.0.0.1",
      "::1",
      "fe80::1%eth0",
      "169.254.169.254",
      "fe80::1",
      "a..b",
      ".",
      "",
    ])
      assert.deepEqual(narrow.find(host), [TARGET_NOT_ALLOWED], host);
    assert.equal(narrow.targets.count + narrow.names.count, 0);
    for (const host of ["0.0.0.0", "::", "::ffff:0.0.0.0", "127.1", "0x7f.1", "fe80::1%eth0"])
      assert.deepEqual(find(host), [TARGET_NOT_ALLOWED], `${host}, also when all are allowed`);
    assert.equal(targets.count + names.count, 0);
  });

  it("by name are resolved first, and of its addresses only those inside are connected to", () => {
    const { sim, pass, find } = play("10.0.0.0/8");
    sim.zone.addresses("app.internal", ["10.0.0.1", "127.0.0.1", "::1", "10.0.0.2"], 1);
    const found = find("app.internal");
    assert.equal(found.length, 0, "DNS was not asked yet");
    pass(10);
    assert.deepEqual(addressesOf(found[0]), ["10.0.0.1", "10.0.0.2"]);
    assert.equal(find("app.internal.")[0], found[0]);
  });

  it("stay inside when the name moves", () => {
    const { sim, pass, find } = play("10.0.0.0/8");
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    const found = find("app.internal");
    pass(10);
    sim.zone.addresses("app.internal", ["127.0.0.1"], 1);
    pass(3_000);
    assert.deepEqual(addressesOf(found[0]), ["10.0.0.1"], "what was checked, or nothing");
    sim.zone.addresses("app.internal", ["10.0.0.9", "169.254.169.254"], 1);
    pass(3_000);
    assert.deepEqual(addressesOf(find("app.internal")[0]), ["10.0.0.9"]);
  });

  it("by a name that only leads outside are refused; by one that leads nowhere have no server", () => {
    const { sim, pass, find } = play("10.0.0.0/8");
    sim.zone.addresses("metadata.internal", ["169.254.169.254"], 1);
    const outside = find("metadata.internal");
    const nowhere = find("nobody.internal");
    pass(2_500);
    assert.deepEqual([outside, nowhere], [[TARGET_NOT_ALLOWED], [NO_SERVER]]);
  });

  it("are let go when nobody has asked for a while", () => {
    const { sim, names, pass, find, targets } = play("10.0.0.0/8");
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    find("app.internal");
    const [stays] = find("10.0.0.2");
    pass(TARGET_IDLE_MS / 2);
    find("10.0.0.2");
    assert.equal(names.count, 1);
    pass((TARGET_IDLE_MS * 3) / 4);
    assert.deepEqual([targets.count, names.count], [1, 0]);
    assert.equal(find("10.0.0.2")[0], stays);
    targets.retire();
    assert.ok(stays instanceof Group && stays.endpoints[0]?.isRetired);
    assert.equal(targets.count, 0);
  });

  it("by a name that leads nowhere are asked for again only while somebody wants them", () => {
    const { sim, names, pass, find, targets } = play("10.0.0.0/8");
    find("nobody.internal");
    find("10.0.0.2");
    for (let i = 0; i < 4; i++) {
      pass(TARGET_FAILED_IDLE_MS / 2);
      find("nobody.internal");
    }
    assert.deepEqual([targets.count, names.count], [2, 1]);
    pass(TARGET_FAILED_IDLE_MS + 100);
    assert.deepEqual([targets.count, names.count], [1, 0]);
    const { length } = sim.zone.questions;
    pass(TARGET_IDLE_MS / 2);
    assert.equal(sim.zone.questions.length, length);
    sim.zone.addresses("nobody.internal", ["10.0.0.1"]);
    const found = find("nobody.internal");
    pass(100);
    assert.deepEqual(addressesOf(found[0]), ["10.0.0.1"]);
  });

  it("by a name that is known already to lead nowhere are kept like others that do", () => {
    const { names, pass, find, targets } = play("10.0.0.0/8");
    names.watch("addresses", "nobody.internal", () => {});
    pass(2 * TARGET_FAILED_IDLE_MS);
    assert.deepEqual(find("nobody.internal"), [NO_SERVER]);
    assert.equal(targets.count, 1);
    pass(TARGET_FAILED_IDLE_MS + 100);
    assert.equal(targets.count, 0);
  });

  it("by a name that was found in the end stay as long as others", () => {
    const { sim, pass, find, targets } = play("10.0.0.0/8");
    find("late.internal");
    pass(500);
    sim.zone.addresses("late.internal", ["10.0.0.1"]);
    pass(2 * TARGET_FAILED_IDLE_MS);
    assert.equal(targets.count, 1);
    assert.deepEqual(addressesOf(find("late.internal")[0]), ["10.0.0.1"]);
  });

  it("by a name whose answer takes longer than requests wait are there when it comes", () => {
    const { sim, pass, find } = play("10.0.0.0/8");
    sim.zone.addresses("slow.internal", ["10.0.0.1"]);
    sim.zone.delayMs = TARGET_FAILED_IDLE_MS + TARGET_NAME_MS;
    assert.deepEqual(find("slow.internal"), []);
    pass(sim.zone.delayMs + 100);
    assert.deepEqual(addressesOf(find("slow.internal")[0]), ["10.0.0.1"]);
  });

  it("that others take over from are let go when those who wait for a name were told what it leads to", () => {
    const { sim, names, pass, find, targets } = play("10.0.0.0/8");
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    sim.zone.delayMs = 200;
    const waiting = find("app.internal");
    const nowhere = find("nobody.internal");
    const [known] = find("10.0.0.2");
    targets.leave();
    assert.ok(known instanceof Group && known.endpoints[0]?.isRetired, "nobody waits for this one");
    assert.deepEqual([waiting.length, nowhere.length, targets.count, names.count], [0, 0, 0, 2]);
    pass(2_500);
    assert.deepEqual(addressesOf(waiting[0]), ["10.0.0.1"]);
    assert.deepEqual([waiting.length, nowhere, names.count], [1, [NO_SERVER], 0]);
    assert.ok(waiting[0] instanceof Group && waiting[0].endpoints[0]?.isRetired);
  });

  it("that others take over from wait for a name no longer than others", () => {
    const { sim, names, pass, find, targets } = play("10.0.0.0/8");
    sim.zone.delayMs = 2 * TARGET_NAME_MS;
    const waiting = find("app.internal");
    targets.leave();
    pass(TARGET_NAME_MS + 500);
    assert.deepEqual([waiting, names.count], [[NO_SERVER], 0]);
  });

  it("of a proxy that stops are waited for by nobody", () => {
    const { sim, names, find, targets } = play("10.0.0.0/8");
    sim.zone.addresses("app.internal", ["10.0.0.1"], 1);
    const waiting = find("app.internal");
    targets.retire();
    assert.deepEqual([waiting, names.count], [[NO_SERVER], 0]);
  });

  it("are bounded: the one asked for least recently goes", () => {
    const { find, targets } = play("10.0.0.0/8");
    const [first] = find("10.0.0.1", 1);
    const [second] = find("10.0.0.1", 2);
    for (let port = 3; port <= TARGETS_MAX; port++) find("10.0.0.1", port);
    find("10.0.0.1", 1);
    find("10.0.0.1", TARGETS_MAX + 1);
    assert.equal(targets.count, TARGETS_MAX);
    assert.equal(find("10.0.0.1", 1)[0], first);
    assert.ok(second instanceof Group && second.endpoints[0]?.isRetired);
    targets.retire();
  });
});
