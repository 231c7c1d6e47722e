import { describeRequest } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { seeResponses } from "../../testing/reference-parser.ts";
import { type Seeded, seeded } from "../../testing/seeded.ts";
import type { Segments } from "../../testing/segments.ts";
import { type SimulatedStage, simulate } from "./stage.ts";
import { loadVectors, type Vector } from "./vector.ts";

/**
 * Invariant: whatever an attacker sends and an upstream answers, every honest client gets its own answer and no other.
 *
 * Honest clients, each with a token in every request, share the pool with an attacker who replays the vectors in
 * random order and random cuts. By hand, until stopped or for so many requests:
 *
 *     node --import tsx test/hostile/soak.ts [--seed 1] [--requests 1000000]
 */
export interface SoakOptions {
  readonly seed: number;
  /** Of the honest clients, in all. */
  readonly requests: number;
}

export interface SoakReport {
  readonly answered: number;
  readonly attacks: number;
  /** Answers that were not the client's own, or none at all. */
  readonly mismatches: number;
}

const CLIENTS = 8;
const REQUESTS_PER_ATTACK = 8;
/** Requests between two looks at what is left open. */
const ROUND_REQUESTS = 2_000;

export async function soak({ seed, requests }: SoakOptions): Promise<SoakReport> {
  const random = seeded(seed);
  const vectors = loadVectors().filter(
    ({ configuration, request }) => configuration === "plain" && request.length < 4096,
  );
  let [answered, attacks, mismatches] = [0, 0, 0];
  while (answered < requests && mismatches === 0) {
    const round = await playRound(random, vectors, Math.min(ROUND_REQUESTS, requests - answered));
    answered += round.answered;
    attacks += round.attacks;
    mismatches += round.mismatches;
  }
  return { answered, attacks, mismatches };
}

async function playRound(random: Seeded, vectors: readonly Vector[], requests: number): Promise<SoakReport> {
  const seed = random.between(1, 2 ** 30);
  const segments = { kind: "random", bytesMax: 700 } as const;
  const stage = await simulate("plain", { seed, segments, sharesMemory: seed % 2 === 0 });
  let attack: Vector | null = null;
  stage.script = {
    onRequest(request, link) {
      // Honest requests are known by their token; everything else is the attacker's and is answered as badly as can be.
      if (request.target.startsWith("/token/") || attack?.reply == null) return describeRequest(request);
      link.peer.send(attack.reply);
      if (attack.upstreamThen === "fin") link.peer.end();
      if (attack.upstreamThen === "rst") link.peer.reset();
      return null;
    },
  };
  const clients = Array.from({ length: CLIENTS }, (_, number) => new HonestClient(stage, `${seed}-${number}`, random));
  let attacks = 0;
  while (clients.reduce((sum, { answered }) => sum + answered, 0) < requests) {
    attack = random.pick(vectors);
    const attacker = stage.connect(randomSegments(random));
    attacker.send(attack.request);
    if (attack.clientEnds || random.next() < 0.3) attacker.end();
    attacks++;
    for (let i = 0; i < REQUESTS_PER_ATTACK; i++) random.pick(clients).ask();
    stage.sim.advance(random.between(0, 3));
    if (random.next() < 0.5) stage.sim.drive();
    attacker.destroy();
    stage.sim.drive();
    stage.origin.clear();
    if (clients.some(({ mismatches }) => mismatches > 0)) break;
  }
  const report = {
    answered: clients.reduce((sum, client) => sum + client.answered, 0),
    attacks,
    mismatches: clients.reduce((sum, client) => sum + client.mismatches, 0),
  };
  for (const client of clients) client.leave();
  await stage.close();
  return report;
}

function randomSegments(random: Seeded): Segments {
  return random.pick<Segments>([{ kind: "whole" }, { kind: "bytes" }, { kind: "random", bytesMax: 40 }]);
}

/** Asks one thing at a time over a connection it keeps, and checks that the answer is its own. */
class HonestClient {
  answered = 0;
  mismatches = 0;
  #asked = 0;
  #awaits: string | null = null;
  #peer: Peer | null = null;
  readonly #stage: SimulatedStage;
  readonly #token: string;
  readonly #random: Seeded;

  constructor(stage: SimulatedStage, token: string, random: Seeded) {
    this.#stage = stage;
    this.#token = token;
    this.#random = random;
  }

  ask(): void {
    this.#settle();
    if (this.#awaits !== null) return;
    if (this.#peer === null || this.#peer.closed !== null) {
      this.#peer?.end();
      this.#peer = this.#stage.connect(randomSegments(this.#random));
    }
    this.#awaits = `/token/${this.#token}/${++this.#asked}`;
    this.#peer.clear();
    this.#peer.send(this.#request(this.#awaits));
  }

  leave(): void {
    this.#stage.sim.drive();
    this.#settle();
    // Everybody who asked must have been answered by now.
    if (this.#awaits !== null) this.mismatches++;
    this.#peer?.destroy();
    this.#stage.sim.drive();
  }

  #request(target: string): string {
    const body = "b".repeat(this.#random.between(0, 300));
    switch (this.#random.between(0, 2)) {
      case 0:
        return `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
      case 1:
        return `PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      default:
        return `PUT ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n`;
    }
  }

  #settle(): void {
    if (this.#awaits === null || this.#peer === null) return;
    const seen = seeResponses(this.#peer.text(), [], this.#peer.closed === "end");
    const [answer] = seen.messages;
    if (answer === undefined && this.#peer.closed === null && seen.error === null) return;
    this.answered++;
    const isOwn = answer?.status === 200 && answer.body.includes(`"${this.#awaits}"`) && seen.messages.length === 1;
    if (!isOwn || seen.rest !== "") this.mismatches++;
    this.#awaits = null;
  }
}

async function main(): Promise<void> {
  const { values } = (await import("node:util")).parseArgs({
    options: { seed: { type: "string", default: "1" }, requests: { type: "string", default: "1000000" } },
  });
  const started = performance.now();
  const report = await soak({ seed: Number(values.seed), requests: Number(values.requests) });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `seed ${values.seed}: ${report.answered} requests answered beside ${report.attacks} attacks, ` +
      `${report.mismatches} mismatches, ${seconds} s`,
  );
  process.exitCode = report.mismatches === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith("soak.ts")) await main();
