/** One server of a fleet: what it does with a request is a plan that may change at any time, and it counts everything. */

import type { ArrivedRequest, Origin, OriginLink } from "../../../testing/origin.ts";
import { createOrigin } from "../../../testing/origin.ts";
import type { EndOptions, Simulation } from "../../../testing/sim.ts";
import { addressOf } from "../../../testing/wire.ts";
import { patternOf } from "../stage.ts";

/** What becomes of a request that arrived; the default is a 200 that carries the request's nonce. */
export interface ServerPlan {
  /** `cut` sends `cutAt` bytes of the response, then breaks the connection by `cutBy`. */
  readonly act?: "answer" | "hang" | "reset" | "end" | "cut" | "garbage";
  readonly status?: number;
  readonly fields?: readonly string[];
  readonly delayMs?: number;
  readonly bodyBytes?: number;
  readonly isChunked?: boolean;
  /** How fast the body goes; as fast as the network when left out. */
  readonly bytesPerSecond?: number;
  readonly cutAt?: number;
  readonly cutBy?: "reset" | "end";
  /** Ends a connection that has rested for so long. */
  readonly idleMs?: number;
  /** What a health check is answered. */
  readonly check?: number | "hang" | "reset";
}

export interface Arrival {
  readonly nonce: string;
  readonly method: string;
  readonly atMs: number;
  readonly body: string;
  readonly link: OriginLink;
}

export const CHECK_PATH = "/healthz";

export class FleetServer {
  readonly name: string;
  readonly address: string;
  plan: ServerPlan = {};
  /** Requests of clients, complete ones. */
  readonly arrivals: Arrival[] = [];
  /** When health checks came. */
  readonly checksMs: number[] = [];
  /** When somebody tried to connect, successfully or not. */
  readonly connectsMs: number[] = [];
  readonly #sim: Simulation;
  #origin: Origin | null = null;

  constructor(sim: Simulation, name: string, address: string) {
    this.#sim = sim;
    this.name = name;
    this.address = address;
  }

  async start(end: EndOptions = {}): Promise<void> {
    this.#origin = await createOrigin(this.#sim.outside(end), addressOf(this.address), {
      onRequest: (request, link) => {
        this.#receive(request, link);
        return null;
      },
    });
  }

  get links(): readonly OriginLink[] {
    return this.#origin?.links ?? [];
  }

  get openLinks(): number {
    return this.links.filter(({ peer }) => !peer.isGone && peer.closed === null).length;
  }

  /** Nobody listens any more; with `drops`, what is open is reset as well. */
  refuse(drops = true): void {
    this.#sim.failConnect(this.address, "ECONNREFUSED");
    if (drops) this.#dropAll();
  }

  /** Connects get no answer any more; what is open is reset. */
  blackhole(): void {
    this.#sim.hang(this.address);
    this.#dropAll();
  }

  restore(): void {
    this.#sim.restore(this.address);
  }

  async close(): Promise<void> {
    await this.#origin?.close();
  }

  /** Bytes that were no HTTP. */
  errors(): string[] {
    return this.#origin?.errors() ?? [];
  }

  #dropAll(): void {
    for (const { peer } of this.links) if (!peer.isGone) peer.reset();
  }

  #receive({ target, method, body }: ArrivedRequest, link: OriginLink): void {
    const atMs = this.#sim.clock.now();
    if (target === CHECK_PATH) {
      this.checksMs.push(atMs);
      this.#answerCheck(link);
      return;
    }
    this.arrivals.push({ nonce: target.slice(1), method, atMs, body, link });
    const { plan } = this;
    const run = (): void => this.#act(plan, target.slice(1), method, link);
    if (plan.delayMs === undefined) run();
    else this.#sim.clock.appoint(plan.delayMs, run);
  }

  #answerCheck({ peer }: OriginLink): void {
    const { check = 200 } = this.plan;
    if (check === "reset") peer.reset();
    else if (check !== "hang") peer.send(`HTTP/1.1 ${check} Checked\r\nContent-Length: 2\r\n\r\nok`);
  }

  #act(plan: ServerPlan, nonce: string, method: string, { peer }: OriginLink): void {
    if (peer.isGone) return;
    const text = this.#responseTo(plan, nonce, method);
    switch (plan.act ?? "answer") {
      case "answer":
        if (plan.bytesPerSecond === undefined) peer.send(text);
        else this.#drip(text, plan.bytesPerSecond, peer);
        break;
      case "reset":
        peer.reset();
        break;
      case "end":
        peer.end();
        break;
      case "cut":
        peer.send(text.slice(0, plan.cutAt ?? 0));
        // Behind the bytes, or the reset would take them away again.
        this.#sim.clock.appoint(5, () => (plan.cutBy === "end" ? peer.end() : peer.reset()));
        break;
      case "garbage":
        peer.send(`HTTP/1.1 200\nNope: ${nonce}\n\n`);
        break;
      case "hang":
        break;
    }
    if (plan.idleMs !== undefined) this.#endWhenIdle(peer, plan.idleMs);
  }

  #responseTo(plan: ServerPlan, nonce: string, method: string): string {
    const body = bodyFor(nonce, plan.bodyBytes ?? 0);
    const lines = [`HTTP/1.1 ${plan.status ?? 200} ${plan.status ? "Said" : "OK"}`, `X-Server: ${this.name}`];
    lines.push(plan.isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`);
    const head = `${[...lines, ...(plan.fields ?? [])].join("\r\n")}\r\n\r\n`;
    if (method === "HEAD") return head;
    return head + (plan.isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
  }

  #drip(text: string, bytesPerSecond: number, peer: OriginLink["peer"]): void {
    const everyMs = 100;
    const size = Math.max(1, Math.round((bytesPerSecond * everyMs) / 1_000));
    const next = (at: number): void => {
      if (peer.isGone || at >= text.length) return;
      peer.send(text.slice(at, at + size));
      this.#sim.clock.appoint(everyMs, () => next(at + size));
    };
    next(0);
  }

  #endWhenIdle(peer: OriginLink["peer"], idleMs: number): void {
    const bytes = peer.receivedBytes;
    this.#sim.clock.appoint(idleMs, () => {
      if (!peer.isGone && peer.receivedBytes === bytes) peer.end();
    });
  }
}

/** A body that can be nobody else's, and whose every part can be told from the others. */
export function bodyFor(nonce: string, fillingBytes: number): string {
  return `${nonce}:${patternOf(fillingBytes)}:${nonce}`;
}
