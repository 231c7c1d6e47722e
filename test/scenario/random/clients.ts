/** The clients of a random schedule: pipelining, pausing in the middle, reading slowly, going away. */

import type { Peer } from "../../../testing/peer.ts";
import type { Seeded } from "../../../testing/seeded.ts";
import { LISTEN, readSlowly } from "../stage.ts";
import { planRequest, type RequestPlan } from "./request-plan.ts";
import { segmentsOf } from "./setting.ts";
import type { World } from "./world.ts";

export interface Actor {
  readonly peer: Peer;
  readonly plans: readonly RequestPlan[];
  /** It went away on purpose: what it has may end anywhere. */
  hasAborted: boolean;
  /** When its last byte is sent, counted from the start. */
  lastSendMs: number;
}

export function addClient(world: World, random: Seeded, number: number): Actor {
  const { sim } = world;
  const plans = Array.from({ length: random.between(1, 5) }, (_, i) => planRequest(random, `n${number}x${i}n`));
  for (const plan of plans) world.plans.set(plan.nonce, plan);
  const halfCloses = random.between(0, 4) === 0;
  const keepsHalfOpen = halfCloses;
  const peer = sim.connect(LISTEN, { segments: segmentsOf(random), keepsHalfOpen });
  const actor: Actor = { peer, plans, hasAborted: false, lastSendMs: 0 };
  if (random.between(0, 4) === 0) readSlowly(world, peer, random.pick([300, 5_000, 100_000]));
  let at = random.next() * 50;
  for (const [i, { bytes, method }] of plans.entries()) {
    // Some requests come in two parts with a pause, some right behind each other, some much later. Never HEAD: the
    // judge could not know whether a 408 was for its unfinished head, and has a body.
    const isCut = method !== "HEAD" && random.between(0, 3) === 0;
    const cut = isCut ? random.between(1, bytes.length - 1) : bytes.length;
    const pause = random.pick([0, 10, 400, 3_500]);
    const isLast = i === plans.length - 1;
    sim.clock.appoint(at, () => !actor.hasAborted && peer.send(bytes.slice(0, cut)));
    if (cut < bytes.length) at += pause;
    const rest = bytes.slice(cut);
    sim.clock.appoint(at, () => {
      if (actor.hasAborted) return;
      peer.send(rest);
      if (isLast && halfCloses) peer.end();
    });
    actor.lastSendMs = at;
    at += random.pick([0, 0, 1, 300, 2_500]);
  }
  if (random.between(0, 3) === 0) leaveEarly(world, actor, random.next() * at * 1.2, random.pick(["reset", "destroy"]));
  return actor;
}

function leaveEarly({ sim }: World, actor: Actor, atMs: number, how: "reset" | "destroy"): void {
  sim.clock.appoint(atMs, () => {
    actor.hasAborted = true;
    actor.peer[how]();
  });
}
