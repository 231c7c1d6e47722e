/**
 * Long work in steps, for what is done beside the requests: all of it at once, or some milliseconds at a time so that
 * requests need not wait for the end. Nothing but how long it takes depends on which.
 */

/** To be gone through once; nothing happens before. */
export type Steps<T> = Generator<void, T, void>;

export function allAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Goes on for `forMs` and a little more: a step that was begun is ended. `done` says whether that was the last one. */
export function goOnFor<T>(steps: Steps<T>, forMs: number, now: () => number): IteratorResult<void, T> {
  const untilMs = now() + forMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true || now() >= untilMs) return step;
  }
}
