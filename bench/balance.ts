/**
 * What it costs to choose a server: microseconds per pick for 3, 100 and 10,000 servers, and to make the tables.
 *
 *   npm run bench:balance          the table of docs/balancing.md
 */
import process from "node:process";
import type { Balancer, Candidate, Choice } from "../core/balance/balancer.ts";
import { createHash, type HashOptions } from "../core/balance/hash.ts";
import { BALANCER_NAMES } from "../core/balance/names.ts";
import { BALANCERS } from "../core/balance/registry.ts";

const SIZES = [3, 100, 10_000];
const ROUND_MS = 60;
const ROUNDS = 3;

interface Server extends Candidate {
  inFlight: number;
}

let state = 1;
const tools = {
  // A generator as cheap as the runtimes' own.
  random: () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 4_294_967_296;
  },
  nowMs: () => 0,
};

const hashed = (options: HashOptions) => (): Balancer => createHash(options, tools);
const KINDS: readonly (readonly [name: string, create: () => Balancer])[] = [
  ...BALANCER_NAMES.map((name) => [`\`${name}\``, () => BALANCERS[name](tools)] as const),
  ["`rendezvous`", hashed({ method: "rendezvous", boundedLoad: null })],
  ["`ring`", hashed({ method: "ring", boundedLoad: null })],
  ["`maglev`", hashed({ method: "maglev", boundedLoad: null })],
  ["`maglev`, `boundedLoad: 1.25`", hashed({ method: "maglev", boundedLoad: 1.25 })],
];
const KEYS = Array.from({ length: 1_024 }, (_, i) => `user-${i * 7_919}`);

console.log(
  `| \`balance\` or \`method\` | ${SIZES.map((size) => size.toLocaleString("en")).join(" | ")} | first pick, ${SIZES.at(-1)?.toLocaleString("en")} |`,
);
console.log(`|---|${SIZES.map(() => "---:|").join("")}---:|`);
for (const [name, create] of KINDS) {
  const costs = SIZES.map((size) => measure(create(), serversOf(size)));
  const first = costs.at(-1)!.firstMs;
  console.log(
    `| ${name} | ${costs.map(({ us }) => shown(us)).join(" | ")} | ${first < 1 ? "" : `${first.toFixed(0)} ms`} |`,
  );
}
process.exit(0);

function measure(balancer: Balancer, choice: Choice<Server>): { readonly us: number; readonly firstMs: number } {
  const before = performance.now();
  pick(balancer, choice, 0);
  const firstMs = performance.now() - before;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    let picks = 0;
    let end = start;
    for (; end - start < ROUND_MS; end = performance.now()) {
      for (let i = 0; i < 64; i++) pick(balancer, choice, picks + i);
      picks += 64;
    }
    best = Math.min(best, ((end - start) * 1_000) / picks);
  }
  return { us: best, firstMs };
}

function pick(balancer: Balancer, choice: Choice<Server>, turn: number): void {
  const chosen = balancer.choose(choice, KEYS[turn & 1_023]!)!;
  balancer.commit(choice, chosen);
  // Somebody always has something to do.
  chosen.inFlight = (chosen.inFlight + 1) & 3;
}

/** Weights of 1 and 2, latencies of 5 to 50 ms. */
function serversOf(count: number): Choice<Server> {
  const members: Server[] = Array.from({ length: count }, (_, i) => ({
    key: `10.0.${i >> 8}.${i & 255}\0${8_080}`,
    fullWeight: 1 + (i & 1),
    weight: 1 + (i & 1),
    inFlight: i & 3,
    turn: 0,
    latencyMs: 5 + (i % 46),
    latencyAtMs: 0,
    latencyKept: 1,
  }));
  return { members, available: members, isAvailable: () => true };
}

function shown(us: number): string {
  return us < 10 ? us.toFixed(2) : us.toFixed(0);
}
