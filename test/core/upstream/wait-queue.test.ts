import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Timers } from "../../../core/time/timers.ts";
import { type Waiting, WaitQueue } from "../../../core/upstream/wait-queue.ts";

/** Servers are letters, seekers are names. */

let timers: Timers;
let queue: WaitQueue<string>;
let told: string[];
/** Places at the server that is served. */
let used: number;
let fresh: number;
const places = {
  hasPlaceFor: (isFresh: boolean) => (isFresh ? fresh : used + fresh) > 0,
  makeRoom: () => void told.push("make room"),
};

function join(name: string, wanted: { only?: string; fresh?: boolean; refused?: string[] } = {}): Waiting<string> {
  const seeker = {
    onPlace(server: string) {
      told.push(`${name} at ${server}`);
      if (wanted.fresh || used === 0) fresh--;
      else used--;
    },
    onNoPlace: ({ code }: { code: string }) => void told.push(`${name} ${code}`),
  };
  return queue.join(
    seeker,
    { only: wanted.only ?? null, fresh: wanted.fresh ?? false, refused: wanted.refused ?? [] },
    5_000,
  );
}

beforeEach(() => {
  timers = new Timers(0);
  queue = new WaitQueue(timers);
  told = [];
  used = 0;
  fresh = 0;
});

describe("requests that wait for a place", () => {
  it("get it in the order they came, as far as there are places", () => {
    for (const name of ["one", "two", "three"]) join(name);
    queue.serve("a", places, () => true);
    assert.deepEqual(told, []);
    used = 2;
    queue.serve("a", places, () => true);
    assert.deepEqual(told, ["one at a", "two at a"]);
    assert.equal(queue.length, 1);
  });

  it("are passed over only at servers they would not take", () => {
    join("elsewhere", { refused: ["a"] });
    join("only b", { only: "b" });
    join("any");
    used = 2;
    queue.serve("a", places, () => true);
    assert.deepEqual(told.splice(0), ["any at a"]);
    queue.serve("b", places, () => true);
    assert.deepEqual(told, ["elsewhere at b"]);
    used = 1;
    queue.serve("b", places, () => true);
    assert.deepEqual(told, ["elsewhere at b", "only b at b"]);
  });

  it("for a fresh connection are not passed over by those who take any: room is made", () => {
    join("stale", { only: "a", fresh: true });
    join("any");
    for (let i = 0; i < 3; i++) {
      used = 1;
      queue.serve("a", places, () => true);
    }
    assert.deepEqual(told.splice(0), ["make room", "make room", "make room"]);
    fresh = 1;
    queue.serve("a", places, () => true);
    assert.deepEqual(told, ["stale at a", "any at a"]);
  });

  it("wait no longer than they wanted", () => {
    join("one");
    for (let at = 50; at <= 5_000; at += 50) timers.advance(at);
    assert.deepEqual(told, []);
    for (let at = 5_050; at <= 5_150; at += 50) timers.advance(at);
    assert.deepEqual(told, ["one upstream.queue-timeout"]);
    assert.equal(queue.length, 0);
  });

  it("get none at a server that takes nothing new, unless they were there before", () => {
    join("any");
    join("stale", { only: "a", fresh: true });
    fresh = 2;
    queue.serve("a", places, () => false);
    assert.deepEqual(told, ["stale at a"]);
  });

  it("get one at a server on trial: the first of them", () => {
    join("one");
    join("two");
    used = 2;
    queue.serve("a", places, () => used === 2);
    assert.deepEqual(told, ["one at a"]);
  });

  it("are told when none of the servers that are left will do", () => {
    join("any");
    join("not b", { refused: ["b"] });
    join("only a", { only: "a" });
    join("only b", { only: "b" });
    queue.dismiss(["b"], (only) => only === "b");
    assert.deepEqual(told, ["not b upstream.no-server", "only a upstream.no-server"]);
    assert.equal(queue.length, 2);
  });

  it("may leave, and are all told when there is no server any more", () => {
    const gone = join("gone");
    join("one");
    join("two");
    queue.leave(gone);
    queue.dismiss([], () => false);
    assert.deepEqual(told, ["one upstream.no-server", "two upstream.no-server"]);
    for (let at = 50; at <= 6_000; at += 50) timers.advance(at);
    assert.equal(told.length, 2);
  });
});
