import type { Notice, Observer } from "../../../core/observe/events.ts";
import { GuardedObserver } from "../../../core/observe/guarded-observer.ts";
import { Hook, type HookSurroundings, hookSurroundings } from "../../../core/script/hook.ts";
import type { Fallback, HookFunctions, HookKind } from "../../../core/script/hooks.ts";
import { Timers } from "../../../core/time/timers.ts";

/** What hooks need around them, with a clock that is moved by hand. */
export interface Around extends HookSurroundings {
  readonly observer: Observer;
  readonly notices: Notice[];
  readonly defects: unknown[];
  nowMs: number;
  advance(ms: number): void;
}

export function around(): Around {
  const timers = new Timers(0);
  const notices: Notice[] = [];
  const defects: unknown[] = [];
  const observer: Observer = {
    wantsTimes: false,
    onExchange: () => {},
    onNotice: (notice) => void notices.push(notice),
  };
  const engine = {
    timers,
    observer: new GuardedObserver(observer, (defect) => void defects.push(defect)),
    runtime: { now: () => made.nowMs },
    reportDefect: (error: unknown) => void defects.push(error),
  };
  const made: Around = {
    ...hookSurroundings(engine, () => Promise.reject(new Error("no upstreams here"))),
    observer,
    notices,
    defects,
    nowMs: 0,
    advance(ms) {
      for (const endMs = made.nowMs + ms; made.nowMs < endMs; ) {
        made.nowMs += 50;
        timers.advance(made.nowMs);
      }
    },
  };
  return made;
}

/** Whoever is told of something throws this. */
export function breakObserver({ observer }: Around): Error {
  const defect = new Error("of the observer");
  Object.assign(observer, {
    onNotice: () => {
      throw defect;
    },
  });
  return defect;
}

export function hookOf<K extends HookKind>(
  kind: K,
  run: HookFunctions[K],
  surroundings: HookSurroundings,
  fallback: Fallback = { status: 503 },
): Hook<K> {
  return new Hook({ kind, name: `hooks.${kind}`, run, timeoutMs: 1_000, fallback, source: "file.ts:1" }, surroundings);
}
