/** The servers of a random schedule: each answers as the request's plan says, unless its own mood says otherwise. */

import assert from "node:assert/strict";
import { createOrigin, type Origin, type OriginLink, type OriginScript } from "../../../testing/origin.ts";
import type { Seeded } from "../../../testing/seeded.ts";
import type { EndOptions } from "../../../testing/sim.ts";
import { addressOf } from "../../../testing/wire.ts";
import { readSlowly } from "../stage.ts";
import { type Behaviour, CHECK_PATH, chunksOf, type RequestPlan } from "./request-plan.ts";
import type { World } from "./world.ts";

/** What a server does for a while, whatever is asked. */
export type Mood = "fine" | "503" | "hang" | "slow" | "reset";

export class RandomServer {
  readonly address: string;
  mood: Mood = "fine";
  readonly #world: World;
  readonly #random: Seeded;
  /** Who has been answered before its request was complete. */
  readonly #early = new WeakMap<OriginLink, Set<string>>();
  #origin: Origin | null = null;

  constructor(world: World, random: Seeded, address: string) {
    this.#world = world;
    this.#random = random;
    this.address = address;
  }

  async start(end: EndOptions): Promise<void> {
    const options = { keepsHalfOpen: end.keepsHalfOpen ?? false };
    this.#origin = await createOrigin(this.#world.sim.outside(end), addressOf(this.address), this.#script(), options);
  }

  get links(): readonly OriginLink[] {
    return this.#origin?.links ?? [];
  }

  errors(): string[] {
    return this.#origin?.errors() ?? [];
  }

  resetAll(): void {
    for (const { peer } of this.links) if (!peer.isGone) peer.reset();
  }

  async close(): Promise<void> {
    await this.#origin?.close();
  }

  #script(): OriginScript {
    return {
      onConnect: (link) => this.#greet(link),
      onHead: (head, link) => {
        const plan = this.#world.plans.get(/^\w+ \/(\w+) /.exec(head)?.[1] ?? "");
        if (plan === undefined || this.mood !== "fine") return;
        if (plan.behaviour === "early") this.#answerEarly(plan, link);
        if (plan.behaviour === "refuse-body") this.#answerEarly(plan, link, "Connection: close");
      },
      onRequest: ({ target, method, body }, link) => {
        if (target === CHECK_PATH) return this.#answerCheck(link);
        const plan = this.#world.plans.get(target.slice(1));
        if (plan === undefined) throw new Error(`a request nobody sent: ${target}`);
        assert.equal(body, plan.body, `the body of ${plan.nonce}`);
        assert.equal(method, plan.method);
        plan.tries++;
        // Whether the head was announced alone depends on how it was cut; a second answer would be a desync of the test's own.
        if (this.#early.get(link)?.has(plan.nonce)) return null;
        const behaviour = this.#behaviourFor(plan);
        const delayMs = this.mood === "slow" ? 1_500 : this.#random.pick([0, 0, 1, 100, 1_000]);
        this.#world.sim.clock.appoint(delayMs, () => answer(this.#world, behaviour, plan, link));
        return null;
      },
    };
  }

  #greet(link: OriginLink): void {
    const { clock } = this.#world.sim;
    const { peer } = link;
    switch (this.#random.between(0, 29)) {
      case 0:
        peer.reset();
        break;
      case 1:
        peer.end();
        break;
      case 2:
        readSlowly(this.#world, peer, 50_000);
        break;
      case 3:
        clock.appoint(this.#random.next() * 3_000, () => peer.end());
        break;
      case 4:
        clock.appoint(this.#random.next() * 3_000, () => {
          peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          peer.end();
        });
    }
  }

  #answerEarly(plan: RequestPlan, link: OriginLink, ...fields: string[]): void {
    const known = this.#early.get(link);
    if (known === undefined) this.#early.set(link, new Set([plan.nonce]));
    else known.add(plan.nonce);
    link.peer.send(wholeResponse(plan, "200 OK", ...fields));
  }

  #answerCheck({ peer }: OriginLink): string | null {
    if (this.mood === "reset") peer.reset();
    if (this.mood === "reset" || this.mood === "hang") return null;
    // Some lie.
    const status = this.mood === "503" || this.#random.between(0, 19) === 0 ? "503 Ill" : "200 OK";
    return `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`;
  }

  #behaviourFor(plan: RequestPlan): Behaviour {
    if (this.mood === "503") return "status-503";
    if (this.mood === "hang") return "hang";
    if (this.mood === "reset") return "rst-before";
    // A second try meets a server in a better mood, mostly.
    if (plan.tries > 1 && this.#random.between(0, 3) > 0) return "length";
    return plan.behaviour;
  }
}

function wholeResponse({ response, method }: RequestPlan, status: string, ...fields: string[]): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${response.length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : response}`;
}

function answer({ sim: { clock } }: World, behaviour: Behaviour, plan: RequestPlan, { peer }: OriginLink): void {
  const { response, method } = plan;
  if (peer.isGone) return;
  const whole = wholeResponse(plan, "200 OK");
  const half = Math.floor(whole.length / 2);
  switch (behaviour) {
    case "chunked": {
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      peer.send(method === "HEAD" ? head : head + chunksOf(response, 7_000));
      break;
    }
    case "until-close":
      peer.send(`HTTP/1.1 200 OK\r\n\r\n${method === "HEAD" ? "" : response}`);
      peer.end();
      break;
    case "interim":
      peer.send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${whole}`);
      break;
    case "slow":
      peer.send(whole.slice(0, half));
      clock.appoint(900, () => peer.send(whole.slice(half)));
      break;
    case "close":
      peer.send(wholeResponse(plan, "200 OK", "Connection: close"));
      peer.end();
      break;
    case "close-unsaid":
      peer.send(whole);
      peer.end();
      break;
    case "fin-before":
      peer.end();
      break;
    case "rst-before":
      peer.reset();
      break;
    case "fin-within":
      peer.send(whole.slice(0, half));
      peer.end();
      break;
    case "rst-within":
      peer.send(whole.slice(0, half));
      clock.appoint(20, () => peer.reset());
      break;
    case "garbage":
      peer.send(`HTTP/1.1 200\nNope: ${plan.nonce}\n\n`);
      break;
    case "hang":
      break;
    case "extra":
      // No well-formed response: one that crosses the next request on its way cannot be told from its answer.
      peer.send(`${whole}evil`);
      break;
    case "status-503":
      peer.send(wholeResponse(plan, "503 Busy"));
      break;
    case "status-500":
      peer.send(wholeResponse(plan, "500 Broken"));
      break;
    default:
      peer.send(whole);
  }
}
