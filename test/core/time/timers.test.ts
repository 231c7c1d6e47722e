import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { TICK_MS } from "../../../core/limits.ts";
import { Timer, type TimerOwner, Timers } from "../../../core/time/timers.ts";
import { type Seeded, seeded } from "../../../testing/seeded.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

const STALL_MS = 500;
const TURN_MS = 512 * TICK_MS;

class Recorder implements TimerOwner {
  readonly #name: string;
  readonly #log: string[];
  constructor(name: string, log: string[]) {
    this.#name = name;
    this.#log = log;
  }
  onTimer(): void {
    this.#log.push(this.#name);
  }
}

/** Advances tick by tick for `ms`. */
function run(timers: Timers, fromMs: number, ms: number): number {
  for (let at = fromMs + TICK_MS; at <= fromMs + ms; at += TICK_MS) timers.advance(at);
  return fromMs + ms;
}

describe("Timers", () => {
  const log: string[] = [];
  const timer = (name: string): Timer => new Timer(new Recorder(name, log));

  /** When a timer set at `startMs` for `delayMs` fires, in milliseconds from its setting. */
  function firesAfter(startMs: number, delayMs: number): number {
    log.length = 0;
    const timers = new Timers(startMs);
    timers.set(timer("it"), delayMs);
    let at = startMs;
    while (log.length === 0 && at < startMs + delayMs + 10 * TICK_MS) at = run(timers, at, TICK_MS);
    return at - startMs;
  }

  it("never fires early, and at most two ticks late", () => {
    for (const startMs of [0, 1, 49.5, 1_000_003.25]) {
      for (const delayMs of [0, 1, 49, 50, 51, 1_000, TURN_MS - 1, TURN_MS, TURN_MS + 1, 3 * TURN_MS, 3_600_000]) {
        const after = firesAfter(startMs, delayMs);
        assert.ok(after >= delayMs, `${delayMs} ms fired after ${after}`);
        assert.ok(after <= delayMs + 2 * TICK_MS + TICK_MS, `${delayMs} ms fired after ${after}`);
      }
    }
  });

  it("fires once, and not after clear", () => {
    log.length = 0;
    const timers = new Timers(0);
    const [a, b] = [timer("a"), timer("b")];
    timers.set(a, 100);
    timers.set(b, 100);
    timers.clear(b);
    timers.clear(b);
    run(timers, 0, 10 * TURN_MS);
    assert.deepEqual(log, ["a"]);
    assert.equal(a.deadlineMs, 0);
  });

  it("holds on to nothing that was removed", () => {
    log.length = 0;
    const timers = new Timers(0);
    const a = timer("a");
    timers.set(a, 100);
    timers.remove(a);
    assert.equal(a.slot, -1);
    run(timers, 0, 1_000);
    timers.remove(a);
    assert.deepEqual(log, []);
  });

  it("infinity never fires, and stops what ran", () => {
    log.length = 0;
    const timers = new Timers(0);
    const a = timer("a");
    timers.set(a, 100);
    timers.set(a, Number.POSITIVE_INFINITY);
    run(timers, 0, 3 * TURN_MS);
    assert.deepEqual(log, []);
  });

  it("lets a later deadline replace an earlier one, and the reverse", () => {
    log.length = 0;
    const timers = new Timers(0);
    const [a, b] = [timer("a"), timer("b")];
    timers.set(a, 200);
    timers.set(a, 10_000);
    timers.set(b, 10_000);
    timers.set(b, 200);
    const at = run(timers, 0, 1_000);
    assert.deepEqual(log, ["b"]);
    run(timers, at, 10_000);
    assert.deepEqual(log, ["b", "a"]);
  });

  it("does not charge time in which the process stood still to the peers", () => {
    log.length = 0;
    const timers = new Timers(0);
    timers.set(timer("a"), 600);
    timers.advance(600_000); // stopped for ten minutes
    assert.deepEqual(log, []);
    assert.equal(timers.nowMs, STALL_MS);
    run(timers, 600_000, 300);
    assert.deepEqual(log, ["a"]);
  });

  it("stands when the runtime's clock goes back", () => {
    const timers = new Timers(1_000);
    timers.advance(1_100);
    timers.advance(900);
    assert.equal(timers.nowMs, 1_100);
    timers.advance(950);
    assert.equal(timers.nowMs, 1_150);
  });

  it("lets what fires set and clear others that are due in the same tick", () => {
    const fired: string[] = [];
    const timers = new Timers(0);
    const names = ["a", "b", "c"] as const;
    const all = new Map<string, Timer>();
    for (const name of names) {
      const onTimer = (): void => {
        fired.push(name);
        // Whichever comes first stops one of the others and puts the second off.
        const others = names.filter((each) => each !== name && !fired.includes(each));
        if (fired.length > 1) return;
        timers.clear(all.get(others[0]!)!);
        timers.set(all.get(others[1]!)!, 1_000);
      };
      all.set(name, new Timer({ onTimer }));
      timers.set(all.get(name)!, 100);
    }
    run(timers, 0, 500);
    assert.equal(fired.length, 1);
    run(timers, 500, 2_000);
    assert.equal(fired.length, 2);
  });

  it("lets what fires set itself again, at once or for a whole turn of the wheel", () => {
    const fired: number[] = [];
    const timers = new Timers(0);
    const delays = [0, TURN_MS, 0, TURN_MS - TICK_MS];
    const again = new Timer({
      onTimer(self) {
        fired.push(timers.nowMs);
        const delayMs = delays.shift();
        if (delayMs !== undefined) timers.set(self, delayMs);
      },
    });
    timers.set(again, 0);
    run(timers, 0, 4 * TURN_MS);
    assert.equal(fired.length, 5);
    for (let i = 1; i < fired.length; i++) assert.ok(fired[i]! > fired[i - 1]!);
  });

  it("behaves like a list that is searched at every tick", () => {
    alwaysHolds(
      fc.property(fc.integer(), (seed) => compareWithModel(seed)),
      150,
    );
  });

  it("lets the others fire when one owner throws, and goes on at the next tick", () => {
    const timers = new Timers(0);
    const fired: string[] = [];
    const broken = new Timer({
      onTimer() {
        throw new Error("a defect");
      },
    });
    const sound = new Timer({ onTimer: () => fired.push("sound") });
    const later = new Timer({ onTimer: () => fired.push("later") });
    timers.set(broken, 100);
    timers.set(sound, 100);
    timers.set(later, 200);
    assert.throws(() => timers.advance(250), /a defect/);
    timers.advance(300);
    timers.advance(400);
    assert.deepEqual(fired, ["sound", "later"]);
  });

  it("files a timer once that is pushed back ten thousand times, or cleared and set again", () => {
    const timers = new Timers(0);
    const a = timer("a");
    timers.set(a, 1_000);
    const { slot } = a;
    for (let i = 0; i < 10_000; i++) timers.set(a, 1_000 + i);
    assert.equal(a.slot, slot);
    timers.clear(a);
    timers.set(a, 1_000);
    assert.equal(a.slot, slot);
  });
});

/** A wheel and a list of deadlines, given the same random orders: they must fire the same timers at the same ticks. */
function compareWithModel(seed: number): void {
  const random = seeded(seed);
  const startMs = random.between(0, 3 * TURN_MS) + random.next();
  const timers = new Timers(startMs);
  const deadlines = new Map<number, number>();
  const all: Timer[] = [];
  const act = (): void => actAtRandom(random, timers, all, deadlines);
  for (let index = 0; index < 12; index++) {
    all.push(
      new Timer({
        onTimer() {
          const deadline = deadlines.get(index);
          assert.ok(deadline !== undefined, `seed ${seed}: timer ${index} fired, which was not set`);
          assert.ok(deadline <= timers.nowMs, `seed ${seed}: timer ${index} fired early`);
          deadlines.delete(index);
          while (random.next() < 0.4) act();
        },
      }),
    );
  }
  let runtimeNowMs = startMs;
  for (let step = 0; step < 400; step++) {
    while (random.next() < 0.5) act();
    const stalled = random.next() < 0.02;
    runtimeNowMs += stalled ? random.between(500, 100_000) : TICK_MS * random.next() * 2;
    timers.advance(runtimeNowMs);
    assert.ok(Number.isInteger(timers.nowMs) && Math.abs(timers.tickedMs - runtimeNowMs) <= 0.5);
    for (const [index, deadline] of deadlines) {
      // Due is what has its tick behind it; what was set while firing gets the next tick at the earliest.
      const dueTick = Math.ceil(deadline / TICK_MS);
      assert.ok(dueTick > Math.floor(timers.nowMs / TICK_MS), `seed ${seed}: timer ${index} did not fire`);
    }
    for (const [index, each] of all.entries()) assert.equal(each.deadlineMs, deadlines.get(index) ?? 0);
  }
}

function actAtRandom(random: Seeded, timers: Timers, all: readonly Timer[], deadlines: Map<number, number>): void {
  const index = random.between(0, all.length - 1);
  if (random.next() < 0.3) {
    if (random.next() < 0.5) timers.clear(all[index]!);
    else timers.remove(all[index]!);
    deadlines.delete(index);
    return;
  }
  const longest = random.pick([100, 2_000, 2 * TURN_MS]);
  const delayMs = random.pick([0, random.between(0, longest), random.next() * longest, TURN_MS, TURN_MS - TICK_MS]);
  timers.set(all[index]!, delayMs);
  deadlines.set(index, timers.nowMs + TICK_MS + Math.ceil(delayMs));
}
