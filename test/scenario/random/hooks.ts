/** The hooks of a random schedule: they answer at once or later, or throw, hang and answer nonsense. */

import type { HookAttempt } from "../../../core/script/hooks.ts";
import type { Seeded } from "../../../testing/seeded.ts";
import type { World } from "./world.ts";

/** Longer than some of them take. */
const TIMEOUT = "400ms";
const DELAYS_MS = [0, 1, 50, 300, 900];

type Answer = () => unknown;

/** Of a route; null: this schedule has none. `random` is their own, so that schedules without hooks stay as they are. */
export function hooksOf(world: () => World, random: Seeded, addresses: readonly string[]): object | null {
  if (random.between(0, 2) > 0) return null;
  const server = () => random.pick([...addresses, "127.0.0.1:1"]);
  const headers = () => ({ set: { "X-Hook": "set" }, remove: random.pick(["x-other", "idempotency-key"]) });
  const teapot = () => new Response("a hook says so", { status: 418 });
  const hook = (fallbacks: readonly unknown[], answers: readonly Answer[]) => ({
    run: () => play(world(), random, answers),
    timeout: TIMEOUT,
    fallback: random.pick(fallbacks),
  });
  const all = {
    onRequest: hook(
      ["ignore", { status: 503 }],
      [() => undefined, () => ({ headers: headers() }), () => ({ deny: 403 }), teapot],
    ),
    decide: hook(
      ["ignore", { status: 500 }, { upstream: "app" }],
      [
        () => undefined,
        () => "app",
        () => ({ upstream: "app", server: server(), strict: random.pick([true, false]) }),
        () => ({ upstream: "app", hashKey: `${random.next()}`, headers: headers() }),
        teapot,
      ],
    ),
    onAttempt: {
      ...hook(["ignore", "ignore", { status: 500 }], []),
      run: ({ candidates }: HookAttempt) =>
        play(world(), random, [
          () => undefined,
          () => ({ headers: headers() }),
          () => ({ server: random.pick(candidates).server, headers: headers() }),
        ]),
    },
    onResponse: hook(
      ["ignore", { status: 502 }],
      [() => undefined, () => ({ headers: { set: { "X-Hook": "seen" } } }), teapot],
    ),
    onFinish: { run: () => play(world(), random, [() => undefined]), timeout: TIMEOUT },
  };
  return Object.fromEntries(Object.entries(all).filter(() => random.between(0, 1) === 0));
}

function play({ sim: { clock } }: World, random: Seeded, answers: readonly Answer[]): unknown {
  const answer = random.pick(answers);
  switch (random.between(0, 19)) {
    case 0:
      throw new Error("a hook throws");
    case 1:
      return new Promise(() => {});
    case 2:
      return random.pick<Answer>([() => 5, async () => Symbol("x"), () => ({ nonsense: 1 })])();
  }
  if (random.between(0, 1) === 0) return answer();
  const delayMs = random.pick(DELAYS_MS);
  return new Promise((resolve) => clock.appoint(delayMs, () => resolve(answer())));
}
