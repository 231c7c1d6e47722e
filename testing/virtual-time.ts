import { setImmediate } from "node:timers";
import type { Simulation } from "./sim.ts";

/** While a response may come any moment. */
const FINE_STEP_MS = 10;
/** From here on nothing but deadlines can be waited for, and they are looked at so often (`TICK_MS`). */
const COARSE_AFTER_MS = 1_000;
const COARSE_STEP_MS = 50;

/** Moves the simulation and runs the promises of hooks, scripts and tests in between. */
export class VirtualTime {
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** Whatever can happen without waiting: deliveries, and chains of promises of any length. */
  async settle(): Promise<void> {
    do {
      this.#sim.drive();
      await turn();
    } while (this.#sim.clock.deliveries > 0);
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    for (let passed = 0; passed < ms; ) {
      passed += this.pass(passed, ms - passed);
      await this.settle();
    }
  }

  /** The least time in which something may change, when so much has passed already. Answers how long that was. */
  pass(passedMs: number, atMostMs: number = Number.POSITIVE_INFINITY): number {
    const step = Math.min(passedMs < COARSE_AFTER_MS ? FINE_STEP_MS : COARSE_STEP_MS, atMostMs);
    this.#sim.advance(step);
    return step;
  }

  async until<T>(promise: Promise<T>, withinMs: number): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (let passed = 0; ; passed += this.pass(passed)) {
      await this.settle();
      if (isSettled) return promise;
      if (passed >= withinMs) throw new Error(`still waiting after ${withinMs} virtual ms`);
    }
  }
}

/** One turn of the event loop: before it ends every promise that waits for nothing has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
