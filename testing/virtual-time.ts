import { setImmediate } from "node:timers";
import type { Simulation } from "./sim.ts";

/** While a response may come any moment. */
const FINE_STEP_MS = 10;
/** From here on nothing but deadlines can be waited for, and they are looked at so often (`TICK_MS`). */
const COARSE_AFTER_MS = 1_000;
const COARSE_STEP_MS = 50;
/** Real time that the code of a configuration has for each call to go on by itself: for WebCrypto, or a file. */
const CODE_MS_MAX = 250;
/** The same in turns of the event loop, for a machine that has no time. */
const CODE_TURNS_LEAST = 50;

/** What is waited for of the code of a configuration. */
export interface CodeAtWork {
  /** Calls ever made. */
  readonly calls: number;
  /** Calls that have not ended. */
  readonly pending: number;
  /** What it waits for is on the virtual clock. */
  readonly isDelayed: boolean;
}

/** Moves the simulation and runs the promises of hooks, scripts and tests in between. */
export class VirtualTime {
  readonly #sim: Simulation;
  readonly #code: () => CodeAtWork;
  /** The calls that have had their real time. */
  #callsSeen = 0;
  #codeMsLeft = 0;

  constructor(sim: Simulation, code: () => CodeAtWork) {
    this.#sim = sim;
    this.#code = code;
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
      passed += await this.pass(passed, ms - passed);
      await this.settle();
    }
  }

  /**
   * The least time in which something may change, when so much has passed already. Answers how long that was: 0 when
   * something has changed without any.
   */
  async pass(passedMs: number, atMostMs: number = Number.POSITIVE_INFINITY): Promise<number> {
    if (await this.#codeGoesOn()) return 0;
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
    for (let passed = 0; ; passed += await this.pass(passed)) {
      await this.settle();
      if (isSettled) return promise;
      if (passed >= withinMs) throw new Error(`still waiting after ${withinMs} virtual ms`);
    }
  }

  /** What other threads do for code is on no clock here, so that it would be overtaken by every deadline. */
  async #codeGoesOn(): Promise<boolean> {
    const { calls, pending, isDelayed } = this.#code();
    if (pending === 0 || isDelayed) return false;
    if (calls !== this.#callsSeen) this.#codeMsLeft = CODE_MS_MAX;
    this.#callsSeen = calls;
    const beganMs = performance.now();
    const hasTime = (turns: number) => turns < CODE_TURNS_LEAST || performance.now() - beganMs < this.#codeMsLeft;
    let goesOn = false;
    for (let turns = 0; this.#codeMsLeft > 0 && !goesOn && hasTime(turns); turns++) {
      await turn();
      goesOn = this.#code().pending !== pending || this.#sim.clock.deliveries > 0;
    }
    this.#codeMsLeft -= performance.now() - beganMs;
    return goesOn;
  }
}

/** One turn of the event loop: before it ends every promise that waits for nothing has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
