/**
 * How tight memory is, in steps that are felt one after the other (row Q13). Of the last few looks the lowest counts:
 * garbage that the next collection frees is no reason to refuse anybody.
 */

/** 0: enough; 1: connections are not kept; 2: few requests are served at a time; 3: few connections are accepted. */
export type MemoryStep = 0 | 1 | 2 | 3;

const STEPS = [0.85, 0.92, 0.96] as const;
const LOOKS = 3;

export class MemoryLevel {
  step: MemoryStep = 0;
  /** Share of the memory there may be, 0 to 1. */
  load = 0;
  readonly #loads: number[] = [];

  /** Answers whether the step has changed. */
  look(load: number): boolean {
    this.#loads.push(load);
    if (this.#loads.length > LOOKS) this.#loads.shift();
    this.load = this.#loads.length < LOOKS ? 0 : Math.min(...this.#loads);
    const step = STEPS.filter((mark) => this.load >= mark).length as MemoryStep;
    const isOther = step !== this.step;
    this.step = step;
    return isOther;
  }
}
