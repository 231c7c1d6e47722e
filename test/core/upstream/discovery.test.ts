import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ADDRESSES_PER_NAME_MAX, FOUND_SERVERS_MAX } from "../../../core/limits.ts";
import type { ListedSource, ServerDefinition, ServerSource } from "../../../core/upstream/definition.ts";
import { Discovery } from "../../../core/upstream/discovery.ts";
import type { ServerLists } from "../../../core/upstream/server-lists.ts";
import { type NamesBench, namesBench, serverNamed } from "./discovery-parts.ts";

const fixed = (host: string): ListedSource => ({ kind: "static", server: serverNamed(host, 9000) });
const named = (host: string): ListedSource => ({ kind: "name", server: serverNamed(host, 9000) });
const service = (name: string): ListedSource => ({ kind: "service", name, server: serverNamed(name, 0) });

/** Lists in files, kept in memory. */
class Lists implements ServerLists {
  readonly #watches = new Map<string, (list: readonly ListedSource[]) => void>();
  readonly #lists = new Map<string, readonly ListedSource[]>();

  watch(path: string, onList: (list: readonly ListedSource[]) => void): { stop(): void } {
    this.#watches.set(path, onList);
    const list = this.#lists.get(path);
    if (list !== undefined) onList(list);
    return { stop: () => void this.#watches.delete(path) };
  }
  put(path: string, ...list: ListedSource[]): void {
    this.#lists.set(path, list);
    this.#watches.get(path)?.(list);
  }
  get count(): number {
    return this.#watches.size;
  }
}

interface Bench extends NamesBench {
  readonly lists: Lists;
  readonly discovery: Discovery;
  /** Every list that was told. */
  readonly told: (readonly ServerDefinition[])[];
}

function discover(
  sources: readonly ServerSource[],
  prepare: (bench: NamesBench, lists: Lists) => void = () => {},
): Bench {
  const bench = namesBench();
  const lists = new Lists();
  prepare(bench, lists);
  bench.names.start();
  const told: (readonly ServerDefinition[])[] = [];
  const surroundings = { names: bench.names, lists, notify: (notice: never) => void bench.notices.push(notice) };
  const discovery = new Discovery({ name: "app", sources }, surroundings, (servers) => told.push(servers));
  assert.equal(told.length, 0, "never from inside");
  return { ...bench, lists, discovery, told };
}

const labels = ({ discovery }: Bench): string[] => discovery.servers.map(({ label }) => label);

describe("discovery", () => {
  it("keeps the order of the configuration, and each address once", () => {
    const bench = discover(
      [fixed("10.0.0.9"), named("a.internal"), fixed("10.0.0.1"), named("b.internal")],
      ({ sim }) => {
        sim.zone.addresses("a.internal", ["10.0.0.2", "10.0.0.1"]);
        sim.zone.addresses("b.internal", ["10.0.0.2", "10.0.0.3"]);
      },
    );
    assert.deepEqual(labels(bench), ["10.0.0.9:9000", "10.0.0.1:9000"]);
    bench.pass(10);
    assert.deepEqual(labels(bench), [
      "10.0.0.9:9000",
      "a.internal:9000/10.0.0.1",
      "a.internal:9000/10.0.0.2",
      "b.internal:9000/10.0.0.3",
    ]);
    assert.deepEqual(bench.told.at(-1), bench.discovery.servers);
  });

  for (const more of [0, 1]) {
    it(`takes ${FOUND_SERVERS_MAX} addresses from DNS${more === 0 ? "" : " and not one more"}, and all that are written down`, () => {
      const names = ["a", "b"].map((letter) => `_${letter}._tcp.internal`);
      const targets = FOUND_SERVERS_MAX / ADDRESSES_PER_NAME_MAX;
      const address = (target: number, i: number): string => `10.${target}.${i >> 8}.${i & 255}`;
      const bench = discover([...names.map(service), named("more.internal"), fixed("10.0.0.1")], ({ sim }) => {
        for (const [which, name] of names.entries()) {
          const half = Array.from({ length: targets / 2 }, (_, i) => 1 + i + (which * targets) / 2);
          sim.zone.services(
            name,
            half.map((target) => ({ host: `t${target}.internal`, port: 9000 })),
          );
          for (const target of half) {
            const all = Array.from({ length: ADDRESSES_PER_NAME_MAX }, (_, i) => address(target, i));
            sim.zone.addresses(`t${target}.internal`, all);
          }
        }
        sim.zone.addresses("more.internal", ["10.200.0.1", "10.200.0.2"].slice(0, more));
      });
      bench.pass(200);
      assert.equal(bench.discovery.servers.length, FOUND_SERVERS_MAX + 1);
      assert.equal(labels(bench).at(-1), "10.0.0.1:9000");
      assert.equal(bench.notices.filter(({ kind }) => kind === "servers-cut").length, more);
    });
  }

  it("does not keep what has left for ever because there is always a name it has yet to ask for", () => {
    const bench = discover([service("_a._tcp.internal")]);
    for (let round = 0; round < 20; round++) {
      const targets = [0, 1, 2].map((i) => ({ host: `r${round}t${i}.internal`, port: 9000 }));
      bench.sim.zone.services("_a._tcp.internal", targets, 1);
      for (const [i, { host }] of targets.slice(1).entries()) {
        const all = Array.from({ length: ADDRESSES_PER_NAME_MAX }, (_, at) => `10.${2 * round + i}.0.${at}`);
        bench.sim.zone.addresses(host, all, 1);
      }
      bench.sim.zone.fail(targets[0]!.host, "timeout");
      bench.pass(1_100);
    }
    assert.ok(bench.discovery.servers.length <= FOUND_SERVERS_MAX, `${bench.discovery.servers.length}`);
  });

  it("says when all was asked for once, also of names that other names led to", () => {
    const bench = discover([service("_a._tcp.internal")], ({ sim }) => {
      sim.zone.services("_a._tcp.internal", [{ host: "a.internal", port: 1 }]);
      sim.zone.addresses("a.internal", ["10.0.0.1"]);
      sim.zone.delayMs = 100;
    });
    let isKnown = false;
    bench.discovery.whenKnown(() => {
      isKnown = true;
    });
    bench.pass(150);
    assert.equal(isKnown, false);
    bench.pass(100);
    assert.equal(isKnown, true);
    assert.deepEqual(labels(bench), ["a.internal:1/10.0.0.1"]);
  });

  it("is known at once when there is nothing to ask for", () => {
    const bench = discover([fixed("10.0.0.1"), { kind: "file", path: "/list" }]);
    let calls = 0;
    bench.discovery.whenKnown(() => calls++);
    assert.equal(calls, 1);
  });

  it("follows files, at once and later, and watches one that is named twice once", () => {
    const file: ServerSource = { kind: "file", path: "/list" };
    const bench = discover([file, fixed("10.0.0.9"), file], (_, lists) => lists.put("/list", fixed("10.0.0.1")));
    assert.deepEqual(labels(bench), ["10.0.0.1:9000", "10.0.0.9:9000"]);
    bench.sim.zone.addresses("a.internal", ["10.0.0.2"]);
    bench.lists.put("/list", named("a.internal"), fixed("10.0.0.3"));
    bench.pass(10);
    assert.deepEqual(labels(bench), ["a.internal:9000/10.0.0.2", "10.0.0.3:9000", "10.0.0.9:9000"]);
    bench.lists.put("/list");
    assert.deepEqual(labels(bench), ["10.0.0.9:9000"]);
    assert.equal(bench.names.count, 0);
  });

  it("lets a file say that there is no server, but not DNS", () => {
    const bench = discover([{ kind: "file", path: "/list" }], (_, lists) => lists.put("/list", fixed("10.0.0.1")));
    bench.lists.put("/list");
    assert.deepEqual(labels(bench), []);
    const other = discover([service("_a._tcp.internal")], ({ sim }) => {
      sim.zone.services("_a._tcp.internal", [{ host: "a.internal", port: 1 }], 5);
      sim.zone.addresses("a.internal", ["10.0.0.1"], 5);
    });
    other.pass(10);
    other.sim.zone.services("_a._tcp.internal", [{ host: "gone.internal", port: 1 }], 5);
    other.pass(10_000);
    assert.deepEqual(labels(other), ["a.internal:1/10.0.0.1"]);
  });

  it("keeps what goes until what comes is known", () => {
    const targets = (...hosts: string[]) => hosts.map((host) => ({ host: `${host}.internal`, port: 1 }));
    const bench = discover([service("_a._tcp.internal")], ({ sim }) => {
      sim.zone.services("_a._tcp.internal", targets("a", "b"), 5);
      for (const [i, name] of ["a", "b", "c"].entries()) sim.zone.addresses(`${name}.internal`, [`10.0.0.${i}`], 60);
    });
    bench.pass(10);
    bench.sim.zone.services("_a._tcp.internal", targets("b", "c"), 5);
    bench.sim.zone.delayMs = 2_000;
    bench.pass(8_000);
    assert.deepEqual(labels(bench), ["b.internal:1/10.0.0.1", "a.internal:1/10.0.0.0"]);
    bench.pass(2_000);
    assert.deepEqual(labels(bench), ["b.internal:1/10.0.0.1", "c.internal:1/10.0.0.2"]);
  });

  it("tells of other weights at the same address, not of the same list again", () => {
    const list = (weight: number): ListedSource => ({
      kind: "static",
      server: { ...serverNamed("10.0.0.1", 9000), weight },
    });
    const bench = discover([{ kind: "file", path: "/list" }], (_, lists) => lists.put("/list", list(1)));
    bench.lists.put("/list", list(1));
    assert.equal(bench.told.length, 0);
    bench.lists.put("/list", list(2));
    assert.equal(bench.told.length, 1);
  });

  it("announces who came and who went", () => {
    const bench = discover([{ kind: "file", path: "/list" }], (_, lists) =>
      lists.put("/list", fixed("10.0.0.1"), fixed("10.0.0.2")),
    );
    bench.lists.put("/list", fixed("10.0.0.2"), fixed("10.0.0.3"));
    assert.deepEqual(bench.notices, [
      { kind: "servers-changed", upstream: "app", servers: 2, added: ["10.0.0.3:9000"], removed: ["10.0.0.1:9000"] },
    ]);
  });

  it("announces who comes when all had gone, but not the first ones", () => {
    const bench = discover([{ kind: "file", path: "/list" }], (_, lists) => lists.put("/list"));
    bench.lists.put("/list", fixed("10.0.0.1"));
    assert.deepEqual(bench.notices, []);
    bench.lists.put("/list");
    bench.lists.put("/list", fixed("10.0.0.2"));
    assert.deepEqual(bench.notices, [
      { kind: "servers-changed", upstream: "app", servers: 0, added: [], removed: ["10.0.0.1:9000"] },
      { kind: "servers-changed", upstream: "app", servers: 1, added: ["10.0.0.2:9000"], removed: [] },
    ]);
  });

  it("announces who comes when all had gone before a reload", () => {
    const sources = [{ kind: "file", path: "/list" }] as const;
    const bench = discover(sources, (_, lists) => lists.put("/list", fixed("10.0.0.1")));
    bench.lists.put("/list");
    const notify = (notice: never) => void bench.notices.push(notice);
    const surroundings = { names: bench.names, lists: bench.lists, notify };
    const next = new Discovery({ name: "app", sources }, surroundings, () => {}, bench.discovery);
    bench.notices.length = 0;
    bench.lists.put("/list", fixed("10.0.0.2"));
    assert.equal(next.servers.length, 1);
    assert.equal(bench.notices.length, 1);
  });

  it("lets go of everything when it stops", () => {
    const bench = discover([named("a.internal"), { kind: "file", path: "/list" }], ({ sim }) => {
      sim.zone.delayMs = 1_000;
    });
    let calls = 0;
    bench.discovery.whenKnown(() => calls++);
    bench.discovery.stop();
    assert.deepEqual([calls, bench.names.count, bench.lists.count], [1, 0, 0]);
    bench.pass(5_000);
    assert.deepEqual(bench.told, []);
  });
});

describe("discovery after a reload", () => {
  const after = ({ names, discovery }: Bench, sources: readonly ServerSource[]): string[] => {
    const surroundings = { names, lists: new Lists(), notify() {} };
    return new Discovery({ name: "app", sources }, surroundings, () => {}, discovery).servers.map(({ label }) => label);
  };

  it("begins with what a file held that can't be read just now", () => {
    const file: ServerSource = { kind: "file", path: "/list" };
    const bench = discover([file], (_, lists) => lists.put("/list", fixed("10.0.0.1")));
    assert.deepEqual(after(bench, [fixed("10.0.0.2"), file]), ["10.0.0.2:9000", "10.0.0.1:9000"]);
  });

  it("keeps servers that DNS could not take, of the same sources", () => {
    const sources = [service("_http._tcp.internal")];
    const bench = discover(sources, ({ sim }) => {
      sim.zone.services("_http._tcp.internal", [{ host: "t1.internal", port: 9000 }], 5);
      sim.zone.addresses("t1.internal", ["10.0.0.1"], 5);
    });
    bench.pass(10);
    bench.sim.zone.services("_http._tcp.internal", [{ host: "t2.internal", port: 9000 }], 5);
    bench.sim.zone.fail("t2.internal", "server-failure");
    bench.pass(20_000);
    assert.equal(labels(bench).length, 1);
    assert.deepEqual(after(bench, structuredClone(sources)), labels(bench));
    assert.deepEqual(after(bench, [fixed("10.0.0.2")]), ["10.0.0.2:9000"]);
  });
});
