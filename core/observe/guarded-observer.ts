/**
 * An observer as all of the core sees it: what it throws is a defect to report, and takes nothing from whoever it is told
 * of, who is in the middle of something.
 */

import type { FinishedExchange, Notice, Observer } from "./events.ts";

export class GuardedObserver implements Observer {
  readonly #observer: Observer;
  readonly #reportDefect: (defect: unknown) => void;

  constructor(observer: Observer, reportDefect: (defect: unknown) => void) {
    this.#observer = observer;
    this.#reportDefect = reportDefect;
  }

  get wantsTimes(): boolean {
    return this.#observer.wantsTimes;
  }

  onExchange(exchange: FinishedExchange): void {
    try {
      this.#observer.onExchange(exchange);
    } catch (defect) {
      this.#reportDefect(defect);
    }
  }

  onNotice(notice: Notice): void {
    try {
      this.#observer.onNotice(notice);
    } catch (defect) {
      this.#reportDefect(defect);
    }
  }
}
