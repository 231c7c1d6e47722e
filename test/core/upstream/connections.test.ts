import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import type { Fault } from "../../../core/fault.ts";
import type { ClientConnection } from "../../../core/h1/client.ts";
import { METHOD_GET } from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, POOL_BURST_IDLE_MS, TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import { type Borrower, Connections } from "../../../core/upstream/connections.ts";
import type { PoolDefinition } from "../../../core/upstream/definition.ts";
import type { Peer } from "../../../testing/peer.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";
import { RESPONSE_BOUNDS } from "../h1/feed.ts";
import { requestHead } from "../http/heads.ts";
import { serverOf } from "./definitions.ts";

/** The pool alone: borrowers that do nothing but run one cycle when told to. */

let sim: Simulation;
let connections: Connections;
let servers: Peer[];

class Customer implements Borrower {
  readonly connectMs = 3_000;
  connection: ClientConnection | null = null;
  refused = "";

  onLease(connection: ClientConnection): void {
    this.connection = connection;
  }
  onLeaseFailed(reason: Fault): void {
    this.refused = reason.code;
  }
}

const POOL: PoolDefinition = { idleMax: 2, idleMs: 60_000, queueMax: 2, queueMs: 5_000 };
const UPSTREAM = "127.0.0.1:90";

function open(connectionsMax = Number.POSITIVE_INFINITY, pool: Partial<PoolDefinition> = {}): void {
  const timers = new Timers(sim.runtime.now());
  sim.runtime.every(TICK_MS, () => timers.advance(sim.runtime.now()));
  const server = serverOf(UPSTREAM, { connectionsMax });
  connections = new Connections(server, { ...POOL, ...pool }, { runtime: sim.runtime, timers, slab: new Slab() });
}

beforeEach(() => {
  sim = createSimulation({ seed: 1 });
  servers = [];
  sim.serve(UPSTREAM, (peer) => {
    servers.push(peer);
    peer.onReceive = () => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  open();
});

function lease(fresh = false): Customer {
  const customer = new Customer();
  connections.lease(customer, fresh);
  return customer;
}

function leased(fresh = false): Customer {
  const customer = lease(fresh);
  sim.drive();
  return customer;
}

const incoming = requestHead("GET / HTTP/1.1\nHost: a");
const rules = { limits: DEFAULT_LIMITS, timeouts: DEFAULT_TIMEOUTS, responseBounds: RESPONSE_BOUNDS };

/** One request and its response, then the connection goes back. */
function useUp(customer: Customer): void {
  const connection = customer.connection as ClientConnection;
  const nothing = (): void => {};
  const handler = { onInterim: nothing, onHead: nothing, onBodyPiece: nothing, onFlush: nothing, onWritable: nothing };
  connection.begin({ ...handler, onEnd: nothing, onFault: nothing }, rules, METHOD_GET, false);
  const head = new OutgoingHead();
  head.fields = incoming.fields;
  head.method = "GET";
  head.target = "/";
  connection.head(head, incoming);
  connection.end(null);
  sim.drive();
  connections.giveBack(connection);
}

const counts = (): [number, number] => [connections.count, connections.idleCount];

describe("leases", () => {
  it("are of new connections first, then of the one used last", () => {
    const [one, two] = [leased(), leased()];
    assert.deepEqual(counts(), [2, 0]);
    useUp(one);
    useUp(two);
    assert.deepEqual(counts(), [2, 2]);
    assert.equal(lease().connection, two.connection);
    assert.equal(lease().connection, one.connection);
    assert.deepEqual(counts(), [2, 0]);
  });

  it("are of a new connection when a fresh one is wanted", () => {
    const one = leased();
    useUp(one);
    assert.notEqual(leased(true).connection, one.connection);
    assert.deepEqual(counts(), [2, 1]);
  });

  it("are never of one that was closed just now", () => {
    const one = leased();
    useUp(one);
    one.connection?.close();
    const two = lease();
    assert.notEqual(two.connection, one.connection);
    sim.drive();
    assert.equal(two.connection?.isClosed, false);
    assert.deepEqual(counts(), [1, 0]);
  });

  it("fail as the connect does", () => {
    for (const [code, expected] of [
      ["ECONNREFUSED", "upstream.connect-refused"],
      ["ENOENT", "upstream.no-socket"],
      ["EACCES", "upstream.connect-denied"],
      ["EDENIED", "upstream.connect-denied"],
      ["ETIMEDOUT", "upstream.connect-timeout"],
      ["EHOSTUNREACH", "upstream.unreachable"],
      ["ENETUNREACH", "upstream.unreachable"],
      ["EMFILE", "internal.local-resources"],
      ["ENFILE", "internal.local-resources"],
      ["EADDRNOTAVAIL", "internal.no-local-port"],
      ["ECONNRESET", "upstream.connect-failed"],
    ] as const) {
      sim.failConnect(UPSTREAM, code);
      assert.equal(leased().refused, expected);
    }
    assert.deepEqual(counts(), [0, 0]);
  });

  it("fail when connecting takes too long", () => {
    sim.hang(UPSTREAM);
    const customer = leased();
    sim.advance(2_990);
    assert.equal(customer.refused, "");
    sim.advance(120);
    assert.equal(customer.refused, "upstream.connect-timeout");
    assert.deepEqual(counts(), [0, 0]);
  });
});

describe("what comes back", () => {
  it("is kept up to the limit, and beyond it for a second", () => {
    const customers = [leased(), leased(), leased()];
    for (const customer of customers) useUp(customer);
    sim.drive();
    assert.deepEqual(counts(), [3, 3]);
    sim.advance(POOL_BURST_IDLE_MS + 200);
    assert.deepEqual(counts(), [2, 2]);
  });

  it("is kept as long as any other when it is lent again in that second, and comes back below the limit", () => {
    const customers = [leased(), leased(), leased()];
    for (const customer of customers) useUp(customer);
    const last = customers[2]?.connection;
    const again = leased();
    assert.equal(again.connection, last);
    const other = leased();
    useUp(again);
    useUp(other);
    sim.advance(POOL_BURST_IDLE_MS + 200);
    assert.deepEqual(counts(), [2, 2]);
  });

  it("is closed when it cannot be used again", () => {
    const customer = leased();
    const connection = customer.connection as ClientConnection;
    connection.spoil();
    useUp(customer);
    sim.drive();
    assert.deepEqual(counts(), [0, 0]);
  });

  it("leaves when it has rested for the pool's time, or the server closes", () => {
    const [one, two] = [leased(), leased()];
    useUp(one);
    useUp(two);
    servers[1]?.end();
    sim.drive();
    assert.deepEqual(counts(), [1, 1]);
    sim.advance(60_200);
    assert.deepEqual(counts(), [0, 0]);
  });
});

describe("a full server", () => {
  let told: number;
  beforeEach(() => {
    open(1);
    told = 0;
    connections.home = { onPlaceFree: () => void told++ };
  });

  it("has no place, and tells of each that is free again", () => {
    assert.ok(connections.hasPlaceFor(false) && connections.hasPlaceFor(true));
    const first = leased();
    assert.ok(!connections.hasPlaceFor(false));
    assert.throws(() => lease(), /no place/);
    useUp(first);
    assert.equal(told, 1);
    assert.ok(connections.hasPlaceFor(false));
    assert.ok(!connections.hasPlaceFor(true), "an idle connection is not a fresh one");
  });

  it("tells as soon as there may be more", () => {
    leased();
    connections.reconfigure(serverOf(UPSTREAM, { connectionsMax: 2 }), POOL);
    assert.deepEqual([told, connections.hasPlaceFor(true)], [1, true]);
  });

  it("closes what is more than there may be: what is idle at once, what is lent as it comes back", () => {
    open(4, { idleMax: 4 });
    const customers = [leased(), leased(), leased(), leased()];
    for (const customer of customers.slice(2)) useUp(customer);
    assert.deepEqual([connections.count, connections.idleCount], [4, 2]);
    connections.reconfigure(serverOf(UPSTREAM, { connectionsMax: 1 }), { ...POOL, idleMax: 4 });
    sim.drive();
    assert.deepEqual([connections.count, connections.idleCount], [2, 0]);
    for (const customer of customers.slice(0, 2)) {
      useUp(customer);
      sim.drive();
    }
    assert.deepEqual([connections.count, connections.idleCount], [1, 1]);
  });

  it("tells of the place of a lost connection, of a failed connect, and of one that nobody waits for any more", () => {
    leased().connection?.close();
    sim.drive();
    assert.deepEqual([told, connections.hasPlaceFor(true)], [1, true]);
    sim.failConnect(UPSTREAM, "ECONNREFUSED");
    assert.equal(leased().refused, "upstream.connect-refused");
    assert.equal(told, 2);
    const customer = lease();
    connections.cancel(customer);
    assert.deepEqual([told, connections.hasPlaceFor(true)], [3, true]);
  });

  it("makes room for a fresh connection by closing an idle one", () => {
    assert.ok(!connections.makeRoom());
    useUp(leased());
    assert.ok(!connections.needsNew);
    assert.ok(connections.makeRoom());
    assert.ok(connections.needsNew && !connections.hasPlaceFor(true));
    sim.drive();
    assert.ok(connections.hasPlaceFor(true));
  });

  it("lends what comes back to who waits, even if it would keep none", () => {
    open(1, { idleMax: 0 });
    const first = leased();
    const next = new Customer();
    connections.home = { onPlaceFree: () => void (connections.hasPlaceFor(false) && connections.lease(next, false)) };
    useUp(first);
    assert.equal(next.connection, first.connection);
    connections.home = { onPlaceFree() {} };
    useUp(next);
    sim.drive();
    assert.deepEqual(counts(), [0, 0]);
  });
});

describe("a borrower that changed its mind", () => {
  it("leaves its connection to the pool", () => {
    const customer = lease();
    connections.cancel(customer);
    sim.drive();
    assert.equal(customer.connection, null);
    assert.deepEqual(counts(), [1, 1]);
  });

  it("leaves its connection to the next", () => {
    open(1);
    connections.cancel(lease());
    const next = leased();
    assert.ok(next.connection !== null);
    assert.equal(servers.length, 1);
  });

  it("leaves nothing to the next whose time is over: that one has all of its own", () => {
    sim.hang(UPSTREAM);
    for (const isLeftAtOnce of [true, false])
      for (const ticks of [59, 60, 61, 62]) {
        open();
        const customer = lease();
        if (isLeftAtOnce) connections.cancel(customer);
        let next: Customer | null = null;
        let left = ticks;
        sim.runtime.every(TICK_MS, () => {
          if (--left !== 0) return;
          connections.cancel(customer);
          next = lease();
        });
        sim.advance(ticks * TICK_MS + 1_000);
        assert.equal(next!.refused, "", `after ${ticks} ticks`);
        assert.deepEqual(counts(), [1, 0]);
      }
  });

  it("leaves to the next nothing that is in the pool already, and takes nothing away from it by being late itself", () => {
    connections.cancel(lease());
    sim.drive();
    assert.ok([leased(), leased()].every(({ connection }) => connection !== null));
    sim.hang(UPSTREAM);
    const late = lease();
    sim.advance(1_000);
    connections.cancel(lease());
    sim.advance(2_500);
    assert.deepEqual([late.refused, connections.needsNew], ["upstream.connect-timeout", false]);
  });
});

describe("retiring", () => {
  it("closes what is idle, and what is lent when it comes back", () => {
    const [idle, lent] = [leased(), leased()];
    useUp(idle);
    connections.retire();
    sim.drive();
    assert.deepEqual(counts(), [1, 0]);
    useUp(lent);
    sim.drive();
    assert.deepEqual(counts(), [0, 0]);
  });

  it("gives up connects that nobody waits for", () => {
    sim.hang(UPSTREAM);
    const [before, after] = [lease(), lease()];
    connections.cancel(before);
    connections.retire();
    connections.cancel(after);
    sim.drive();
    assert.deepEqual(counts(), [0, 0]);
  });

  it("still serves who waits for a connect", () => {
    const customer = lease();
    connections.retire();
    sim.drive();
    assert.ok(customer.connection !== null);
    useUp(customer);
    sim.drive();
    assert.deepEqual(counts(), [0, 0]);
  });
});
