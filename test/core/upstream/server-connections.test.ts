import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { affordableConnections, type Resting, ServerConnections } from "../../../core/upstream/server-connections.ts";

/** Connections of one server, of which so many rest; they are gone as soon as they are closed, or later. */
class Pool implements Resting {
  readonly #all: ServerConnections;
  open = 0;
  idle = 0;

  constructor(all: ServerConnections) {
    this.#all = all;
  }
  connect(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.open++;
      this.#all.onOpening(this);
    }
  }
  close(): void {
    this.open--;
    this.#all.onClosed(this, this.open === 0);
  }
  makeRoom(): boolean {
    if (this.idle === 0) return false;
    this.idle--;
    this.close();
    return true;
  }
}

describe("the connections to all servers", () => {
  it("rest undisturbed up to the bound; from there on one ends for each new one", () => {
    const all = new ServerConnections(4);
    const [one, other] = [new Pool(all), new Pool(all)];
    one.connect(3);
    one.idle = 3;
    other.connect();
    assert.deepEqual([all.count, one.idle], [4, 3]);
    other.connect();
    assert.deepEqual([all.count, one.idle], [4, 2]);
    other.connect(2);
    assert.deepEqual([all.count, one.idle, one.open], [4, 0, 0]);
  });

  it("may be more when all of them are in use: requests are bounded elsewhere", () => {
    const all = new ServerConnections(2);
    const pool = new Pool(all);
    pool.connect(5);
    assert.equal(all.count, 5);
    for (let i = 0; i < 5; i++) pool.close();
    assert.equal(all.count, 0);
  });

  it("are taken from one server after the other", () => {
    const all = new ServerConnections(6);
    const pools = [new Pool(all), new Pool(all), new Pool(all)];
    for (const pool of pools) {
      pool.connect(2);
      pool.idle = 2;
    }
    new Pool(all).connect(3);
    assert.deepEqual(
      pools.map(({ idle }) => idle),
      [1, 1, 1],
    );
  });

  it("may be as many as clients, with enough descriptors left for all else", () => {
    const affordable = (count: number | null): number => affordableConnections({ descriptorsMax: () => count });
    assert.deepEqual([null, 65_536, 256, 64, 10].map(affordable), [Number.POSITIVE_INFINITY, 26_188, 76, 1, 1]);
  });
});
