/** What happens to the servers of a random schedule, and to the proxy itself, beside the requests. */

import type { Seeded } from "../../../testing/seeded.ts";
import type { Mood, RandomServer } from "./servers.ts";
import type { World } from "./world.ts";

type Incident = (world: World, random: Seeded) => void;

/** Within this time of the start. */
const SPAN_MS = 4_000;

export function addIncidents(world: World, random: Seeded): void {
  const count = random.pick([0, 0, 1, 2, 4]);
  for (let i = 0; i < count; i++) random.pick(INCIDENTS)(world, random);
}

const INCIDENTS: readonly Incident[] = [
  (world, random) => outage(world, random, "ECONNREFUSED"),
  (world, random) => outage(world, random, "hang"),
  flap,
  mood,
  mood,
  reload,
  reload,
  administer,
  drain,
];

/** For a while nobody accepts; open connections live on or don't. */
function outage(world: World, random: Seeded, how: "ECONNREFUSED" | "hang"): void {
  const server = random.pick(world.servers);
  const resets = random.between(0, 1) === 0;
  between(world, random, (isOver) => {
    if (isOver) world.sim.restore(server.address);
    else goDown(world, server, how, resets);
  });
}

function flap(world: World, random: Seeded): void {
  const server = random.pick(world.servers);
  const periodMs = random.pick([100, 400, 1_000]);
  for (let i = 0; i < 6; i++) {
    world.sim.clock.appoint(i * periodMs, () => {
      if (i % 2 === 1) world.sim.restore(server.address);
      else goDown(world, server, "ECONNREFUSED", true);
    });
  }
}

function mood(world: World, random: Seeded): void {
  const server = random.pick(world.servers);
  const wanted = random.pick<Mood>(["503", "hang", "slow", "reset"]);
  between(world, random, (isOver) => {
    server.mood = isOver ? "fine" : wanted;
  });
}

function reload(world: World, random: Seeded): void {
  const other = random.pick(world.setting.others);
  world.sim.clock.appoint(random.next() * SPAN_MS, () => world.reload(other));
}

/** An operator takes a server out for a while. */
function administer(world: World, random: Seeded): void {
  const { address } = random.pick(world.servers);
  const state = random.pick(["drain", "maintenance"] as const);
  between(world, random, (isOver) => {
    world.proxy.setServerState("app", address, isOver ? "ready" : state);
  });
}

function drain(world: World, random: Seeded): void {
  // Rarely, or half of all requests would come too late.
  if (random.between(0, 3) !== 0) return;
  const deadlineMs = random.pick([0, 500, 5_000]);
  world.sim.clock.appoint(random.next() * SPAN_MS, () => {
    world.isDraining = true;
    world.inBackground(world.proxy.drain(deadlineMs));
  });
}

function goDown({ sim }: World, server: RandomServer, how: "ECONNREFUSED" | "hang", resets: boolean): void {
  if (how === "hang") sim.hang(server.address);
  else sim.failConnect(server.address, how);
  if (resets) server.resetAll();
}

function between({ sim: { clock } }: World, random: Seeded, turn: (isOver: boolean) => void): void {
  const fromMs = random.next() * SPAN_MS;
  clock.appoint(fromMs, () => turn(false));
  clock.appoint(fromMs + random.next() * SPAN_MS, () => turn(true));
}
