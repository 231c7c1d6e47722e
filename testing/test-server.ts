import { type Duration, millisecondsOf } from "./duration.ts";
import { type ArrivedRequest, createOrigin, type Origin, type OriginLink } from "./origin.ts";
import {
  type Answer,
  type AnswerNow,
  bytesOfAnswer,
  checkAnswer,
  type TestRequest,
  testRequest,
  type WrittenAnswer,
  writeAnswer,
} from "./server-answer.ts";
import type { Simulation } from "./sim.ts";
import { addressOf } from "./wire.ts";

/**
 * How a server fails. A number is the status it answers with.
 *
 *     refuse    takes no connection, as a process that has died: those it has are reset
 *     drop      connects are never answered, as behind a firewall
 *     hang      takes the request and never answers
 *     reset     resets the connection when the request has come
 *     close     ends it then, without a byte
 *     cut       ends it in the middle of the body
 *     garbage   answers what is no HTTP
 */
export type Failure = "refuse" | "drop" | "hang" | "reset" | "close" | "cut" | "garbage" | number;

/** What is done to a server, or to all of an upstream. */
export interface Scripted {
  /** How requests are answered from now on; without, with a JSON description of the request. */
  answer(answer: Answer): this;
  /** The next `count` requests fail; those after them are answered. Counted over all servers of an upstream. */
  failNext(count: number, how: Failure): this;
  /** From now on all fail, checks included, until `recover`. */
  fail(how: Failure): this;
  /** Undoes `fail`, `failNext`, `flap` and `slow`. */
  recover(): this;
  /** Fails for `down`, is well for `up`, and again, on the virtual clock; begins with failing. */
  flap(pace: { readonly down: Duration; readonly up: Duration; readonly how?: Failure }): this;
  /** Every answer takes so long, until `recover`. */
  slow(delay: Duration): this;
  /** What came, in order; checks are apart. */
  readonly requests: readonly TestRequest[];
  /** What came from health checks. */
  readonly checks: readonly TestRequest[];
}

/** Failures still to come, shared by the servers of an upstream. */
export interface FailurePlan {
  left: number;
  readonly how: Failure;
}

export interface ServerSurroundings {
  readonly sim: Simulation;
  /** When it all began, on the simulation's clock. */
  readonly startMs: number;
  /** The test's own mistake: an answer that threw. */
  onMistake(error: unknown): void;
}

const FAILURES: readonly Failure[] = ["refuse", "drop", "hang", "reset", "close", "cut", "garbage"];

/** A scripted server at one address of the simulated network. */
export class TestServer implements Scripted {
  /** `10.0.0.1:80`. */
  readonly address: string;
  readonly requests: TestRequest[] = [];
  readonly checks: TestRequest[] = [];
  readonly #around: ServerSurroundings;
  readonly #origins: Origin[] = [];
  #answer: Answer | null = null;
  #standing: Failure | null = null;
  #plans: FailurePlan[] = [];
  #delayMs = 0;
  /** Of `flap`: another one ends it. */
  #flapping = 0;

  constructor(address: string, around: ServerSurroundings) {
    this.address = address;
    this.#around = around;
  }

  /** Listens there; further ports are those that checks go to. */
  async listen(address: string = this.address): Promise<void> {
    const { sim } = this.#around;
    const script = { onRequest: (request: ArrivedRequest, link: OriginLink) => this.#receive(request, link) };
    this.#origins.push(await createOrigin(sim.outside(), addressOf(address), script));
    sim.judgeConnects(address, () => this.#judgeConnect());
  }

  answer(answer: Answer): this {
    if (typeof answer !== "function") checkAnswer(answer);
    this.#answer = answer;
    return this;
  }

  failNext(count: number, how: Failure): this {
    return this.planned(planOf(count, how));
  }

  /** The same with a plan that others share. */
  planned(plan: FailurePlan): this {
    this.#plans.push(plan);
    if (isOfConnects(plan.how)) this.#dropIdle();
    return this;
  }

  fail(how: Failure): this {
    checkFailure(how);
    this.#flapping++;
    this.#failFromNow(how);
    return this;
  }

  recover(): this {
    this.#flapping++;
    this.#standing = null;
    for (const plan of this.#plans) plan.left = 0;
    this.#plans = [];
    this.#delayMs = 0;
    return this;
  }

  flap({ down, up, how = "refuse" }: { readonly down: Duration; readonly up: Duration; readonly how?: Failure }): this {
    checkFailure(how);
    const turn = ++this.#flapping;
    const [downMs, upMs] = [millisecondsOf(down), millisecondsOf(up)];
    if (downMs + upMs < 1) throw new RangeError("flap: give times of at least 1ms together");
    const go = (isDown: boolean): void => {
      if (turn !== this.#flapping) return;
      if (isDown) this.#failFromNow(how);
      else this.#standing = null;
      this.#around.sim.clock.appoint(isDown ? downMs : upMs, () => go(!isDown));
    };
    go(true);
    return this;
  }

  slow(delay: Duration): this {
    this.#delayMs = millisecondsOf(delay);
    return this;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#links.filter(({ peer }) => !peer.isGone).length;
  }

  #receive(arrived: ArrivedRequest, link: OriginLink): null {
    const { sim, startMs } = this.#around;
    const request = testRequest(arrived, this.address, sim.clock.now() - startMs);
    const isCheck = request.headers.get("user-agent") === CHECK_AGENT;
    (isCheck ? this.checks : this.requests).push(request);
    const failure = this.#standing ?? (isCheck ? null : this.#nextFailure());
    if (failure === null || typeof failure === "number" || failure === "cut") {
      void this.#respond(request, link, failure);
    } else breakLink(link, failure);
    return null;
  }

  async #respond(request: TestRequest, link: OriginLink, failure: number | "cut" | null): Promise<void> {
    try {
      const answer = typeof failure === "number" ? failure : this.#answerTo(request);
      const now = answer instanceof Promise ? await answer : answer;
      const written = writeAnswer(now, request.method);
      const ownMs = typeof now === "object" && now.delay !== undefined ? millisecondsOf(now.delay) : 0;
      const send = (): void => (failure === "cut" ? cutShort(link, written) : link.peer.send(bytesOfAnswer(written)));
      if (ownMs + this.#delayMs === 0) send();
      else this.#around.sim.clock.appoint(ownMs + this.#delayMs, send);
    } catch (error) {
      this.#around.onMistake(error);
      link.peer.send(bytesOfAnswer(writeAnswer(500, request.method)));
    }
  }

  #answerTo(request: TestRequest): AnswerNow | Promise<AnswerNow> {
    const answer = this.#answer;
    if (typeof answer === "function") return answer(request);
    const { method, target, host } = request;
    return answer ?? { json: { server: this.address, method, target, host } };
  }

  #judgeConnect(): "ECONNREFUSED" | "hang" | null {
    const failure = this.#standing ?? (isOfConnects(this.#front()?.how) ? this.#nextFailure() : null);
    return failure === "refuse" ? "ECONNREFUSED" : failure === "drop" ? "hang" : null;
  }

  #front(): FailurePlan | undefined {
    this.#plans = this.#plans.filter(({ left }) => left > 0);
    return this.#plans[0];
  }

  #nextFailure(): Failure | null {
    const plan = this.#front();
    if (plan === undefined) return null;
    plan.left--;
    return plan.how;
  }

  #failFromNow(how: Failure): void {
    this.#standing = how;
    if (how === "refuse") for (const { peer } of this.#links) if (!peer.isGone) peer.reset();
    if (how === "drop") this.#dropIdle();
  }

  /** Else the next request would come by one of these, and no connect would be made. */
  #dropIdle(): void {
    for (const { peer, rest } of this.#links) if (!peer.isGone && rest === "") peer.end();
  }

  get #links(): readonly OriginLink[] {
    return this.#origins.flatMap(({ links }) => links);
  }
}

/** The servers of an upstream, as one. */
export class TestUpstream implements Scripted {
  readonly name: string;
  readonly servers: readonly TestServer[];

  constructor(name: string, servers: readonly TestServer[]) {
    this.name = name;
    this.servers = servers;
  }

  get requests(): readonly TestRequest[] {
    return this.servers.flatMap(({ requests }) => requests).sort((a, b) => a.atMs - b.atMs);
  }
  get checks(): readonly TestRequest[] {
    return this.servers.flatMap(({ checks }) => checks).sort((a, b) => a.atMs - b.atMs);
  }
  answer(answer: Answer): this {
    return this.#all((server) => server.answer(answer));
  }
  failNext(count: number, how: Failure): this {
    const plan = planOf(count, how);
    return this.#all((server) => server.planned(plan));
  }
  fail(how: Failure): this {
    return this.#all((server) => server.fail(how));
  }
  recover(): this {
    return this.#all((server) => server.recover());
  }
  flap(pace: { readonly down: Duration; readonly up: Duration; readonly how?: Failure }): this {
    return this.#all((server) => server.flap(pace));
  }
  slow(delay: Duration): this {
    return this.#all((server) => server.slow(delay));
  }

  #all(act: (server: TestServer) => void): this {
    if (this.servers.length === 0)
      throw new Error(
        `upstream ${JSON.stringify(this.name)} has no servers: give them by dns, services or serverFiles`,
      );
    for (const server of this.servers) act(server);
    return this;
  }
}

const CHECK_AGENT = "millrace-check";

function planOf(count: number, how: Failure): FailurePlan {
  checkFailure(how);
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`failNext: ${count} requests; give 1 or more`);
  return { left: count, how };
}

function checkFailure(how: Failure): void {
  const isKnown = typeof how === "number" ? Number.isInteger(how) && how >= 200 && how <= 599 : FAILURES.includes(how);
  if (!isKnown)
    throw new TypeError(`a server can't fail by ${JSON.stringify(how)}: give ${FAILURES.join(", ")}, or a status`);
}

function isOfConnects(how: Failure | undefined): boolean {
  return how === "refuse" || how === "drop";
}

function breakLink({ peer }: OriginLink, failure: Exclude<Failure, number | "cut">): void {
  if (failure === "garbage") peer.send("What is HTTP?\r\n\r\n");
  else if (failure === "close") peer.end();
  else if (failure === "reset" || failure === "refuse") peer.reset();
}

/** The whole head, and less of the body than it promises. */
function cutShort({ peer }: OriginLink, { head, body }: WrittenAnswer): void {
  peer.send(head);
  if (body.length > 0) peer.send(body.subarray(0, Math.floor(body.length / 2)));
  peer.end();
}
