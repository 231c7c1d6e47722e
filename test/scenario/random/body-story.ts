/**
 * One random story of bodies that hooks and programs have to do with: whether clients wait to be told to go on, servers
 * answer early, in halves or not at all, and who leaves when, is up to a seed. Every request ends by itself; what arrives
 * whole is what was made of what was sent; nothing is left open.
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { ArrivedRequest, OriginLink } from "../../../testing/origin.ts";
import type { Peer } from "../../../testing/peer.ts";
import { seeResponses } from "../../../testing/reference-parser.ts";
import { type Seeded, seeded } from "../../../testing/seeded.ts";
import { patternOf, readSlowly, type Stage, stageWith } from "../stage.ts";
import { FIRST_BYTES, KINDS, type Kind, PAUSE_MS_MAX, Streams } from "./bodies.ts";
import { chunksOf } from "./request-plan.ts";
import { segmentsOf } from "./setting.ts";

const REPLIES = [
  "at once",
  "in chunks",
  "until close",
  "late",
  "early",
  "early in halves",
  "never",
  "cut",
  "103",
] as const;
const LAST_CHUNK = "0\r\n\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
/** By then every deadline of a request has passed, of whatever it waits for. */
const END_MS = 30_000;
const STEP_MS = 25;

const NAMES = Object.keys(KINDS);
/** Around what may wait in front of a hook that stands still (`STREAM_AHEAD_BYTES_MAX`). */
const BODY_BYTES = [0, 1, FIRST_BYTES, 3_000, 3_000, 70_000, 150_000];

interface Plan {
  readonly path: string;
  readonly method: string;
  readonly body: string;
  readonly response: string;
  readonly waits: boolean;
  readonly isChunked: boolean;
  readonly isHttp10: boolean;
  /** What is made of each body; at a program's path `upload` is what it answers. */
  readonly upload: Kind;
  readonly download: Kind;
  readonly reply: (typeof REPLIES)[number];
  readonly about: string;
}

class Client {
  readonly plan: Plan;
  readonly peer: Peer;
  hasLeft = false;

  constructor(plan: Plan, peer: Peer) {
    this.plan = plan;
    this.peer = peer;
  }
}

export class BodyStory {
  readonly #random: Seeded;
  readonly #plans: readonly Plan[];
  readonly #clients: Client[] = [];
  /** A hook that fails early has changed nothing. */
  readonly #isIgnored: boolean;
  /** Connections and paths whose server has answered before it had all of the request. */
  readonly #early = new Set<string>();
  #stage!: Stage;
  #streams!: Streams;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#isIgnored = this.#random.between(0, 1) === 0;
    this.#plans = Array.from({ length: 4 }, (_, i) =>
      planOf(this.#random, `/${this.#random.pick(["app", "own"])}/${i}`),
    );
  }

  async play(): Promise<void> {
    const { sim, proxy } = (this.#stage = await stageWith(this.#options()));
    this.#streams = new Streams(sim.clock, this.#random.pick);
    for (const plan of this.#plans) this.#ask(plan);
    for (let passedMs = 0; passedMs < END_MS && (passedMs === 0 || proxy.connectionCount > 0); passedMs += STEP_MS)
      await this.#pass();
    assert.equal(proxy.connectionCount, 0, "a client is still there");
    // Whoever takes its time has the rest in its own kernel.
    for (const { peer } of this.#clients) {
      peer.onReceive = null;
      peer.readOn();
    }
    // Whoever pauses finds out only behind that.
    for (let passedMs = 0; passedMs < PAUSE_MS_MAX; passedMs += STEP_MS) await this.#pass();
    for (const client of this.#clients) this.#judgeClient(client);
    this.#judgeServer();
    await this.#stage.close();
    const { open, reading } = this.#streams;
    assert.deepEqual([open, reading], [0, 0], "streams nobody ends, and reads nobody answers");
  }

  toString(): string {
    return this.#plans.map(({ about }) => about).join("\n");
  }

  #options(): Parameters<typeof stageWith>[0] {
    const random = this.#random;
    const fallback = this.#isIgnored ? "ignore" : { status: 599 };
    const hook = (run: (body: ReadableStream<Uint8Array>, ...shown: { path: string }[]) => unknown) => ({
      run,
      timeout: "400ms",
      fallback,
    });
    const transformRequestBody = hook((body, request) => this.#at(request!.path).upload.make(body, this.#streams));
    const transformResponseBody = hook((body, _response, request) =>
      this.#at(request!.path).download.make(body, this.#streams),
    );
    const mount = async ({ url, body }: Request) => {
      const given = body ?? new Blob([]).stream();
      const made = await this.#at(new URL(url).pathname).upload.make(given, this.#streams);
      return made === undefined || made instanceof ReadableStream ? new Response(made ?? given) : made;
    };
    return {
      seed: random.between(1, 1_000_000),
      kernelBytesMax: random.pick([1_024, 65_536]),
      segments: segmentsOf(random),
      upstream: { segments: segmentsOf(random) },
      timeouts: { requestBodyIdle: "2s", firstByte: "1s", responseIdle: "1s", sendIdle: "2s", keepAliveIdle: "1s" },
      routes: [
        { match: { path: "/own/*" }, mount },
        { upstream: "app", hooks: { transformRequestBody, transformResponseBody } },
      ] as never,
      script: {
        onHead: (head, link) => this.#onHead(head, link),
        onRequest: (seen, link) => this.#onRequest(seen, link),
      },
    };
  }

  #at(path: string): Plan {
    return this.#plans.find((plan) => plan.path === path)!;
  }

  // ── the client ─────────────────────────────────────────────────────────────────────────────────────────────

  #ask(plan: Plan): void {
    const random = this.#random;
    const { sim } = this.#stage;
    const peer = this.#stage.client({ segments: segmentsOf(random) });
    const client = new Client(plan, peer);
    this.#clients.push(client);
    if (random.between(0, 4) === 0) readSlowly(this.#stage, peer, 30_000);
    const send = (text: string): void => {
      if (!client.hasLeft) peer.send(text);
    };
    const { head, body } = bytesOf(plan);
    send(head);
    // The end comes behind everything else, or with it: that makes a difference to whoever reads.
    const cut = random.pick([random.between(0, body.length), Math.max(0, body.length - LAST_CHUNK.length)]);
    let isTold = false;
    const goOn = (): void => {
      if (isTold) return;
      isTold = true;
      send(body.slice(0, cut));
      sim.clock.appoint(random.pick([0, 0, 300, 1_500, 5_000]), () => send(body.slice(cut)));
    };
    if (!plan.waits) goOn();
    else {
      const before = peer.onReceive;
      peer.onReceive = (self, bytes) => {
        before?.(self, bytes);
        if (peer.text().endsWith(CONTINUE)) goOn();
      };
      sim.clock.appoint(1_500, goOn);
    }
    if (random.between(0, 4) > 0) return;
    sim.clock.appoint(random.next() * 2_000, () => {
      client.hasLeft = true;
      if (random.between(0, 1) === 0) peer.reset();
      else peer.destroy();
    });
  }

  #judgeClient({ plan, peer, hasLeft }: Client): void {
    const { messages, error } = seeResponses(peer.text(), [plan.method], peer.closed === "end");
    assert.equal(error, null, `${plan.path}: the client got HTTP`);
    const [final, ...others] = messages.filter(({ status }) => status >= 200);
    assert.equal(others.length, 0, `${plan.path}: one response`);
    const told = messages.filter(({ status }) => status === 100);
    assert.ok(told.length <= 1, `${plan.path}: is told to go on once`);
    if (final === undefined) assert.ok(hasLeft || peer.closed !== null, `${plan.path}: hears nothing`);
    if (final?.status !== 200 || plan.method === "HEAD") return;
    const { path, upload, download, response } = plan;
    const whole = path.startsWith("/own") ? [upload.whole(plan.body)] : this.#wholes(download, response);
    assert.ok(whole.includes(final.body), `${path}: got ${final.body.length} bytes that are not its own`);
  }

  #wholes(kind: Kind, text: string): (string | null)[] {
    if (text === "") return [""];
    return this.#isIgnored ? [kind.whole(text), text] : [kind.whole(text)];
  }

  // ── the server ─────────────────────────────────────────────────────────────────────────────────────────────

  #onHead(head: string, link: OriginLink): void {
    const plan = this.#at(head.split(" ")[1]!);
    if (/\r\nexpect:/i.test(head)) link.peer.send(CONTINUE);
    if (plan.reply === "103") link.peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    if (!plan.reply.startsWith("early")) return;
    this.#early.add(`${link.number} ${plan.path}`);
    this.#reply(plan, link.peer);
  }

  #onRequest({ target }: ArrivedRequest, { number, peer }: OriginLink): null {
    const plan = this.#at(target);
    const delayMs = plan.reply === "late" ? 700 : 0;
    if (!this.#early.has(`${number} ${target}`)) this.#stage.sim.clock.appoint(delayMs, () => this.#reply(plan, peer));
    return null;
  }

  #reply({ reply, response, method }: Plan, peer: Peer): void {
    if (peer.isGone || reply === "never") return;
    const body = method === "HEAD" ? "" : response;
    const isOpenEnded = reply === "until close" || reply === "in chunks";
    const chunked = reply === "in chunks" ? "Transfer-Encoding: chunked\r\n" : "";
    const head = `HTTP/1.1 200 OK\r\n${isOpenEnded ? chunked : `Content-Length: ${response.length}\r\n`}\r\n`;
    const half = Math.floor(body.length / 2);
    const isHalved = reply === "early in halves" || reply === "cut";
    peer.send(head);
    const { clock } = this.#stage.sim;
    if (reply === "in chunks" && method !== "HEAD") {
      peer.send(chunksOf(body, 700).slice(0, -LAST_CHUNK.length));
      clock.appoint(this.#random.pick([0, 300]), () => peer.send(LAST_CHUNK));
    } else peer.send(isHalved ? body.slice(0, half) : body);
    if (reply === "early in halves") clock.appoint(600, () => peer.send(body.slice(half)));
    if (reply === "until close" || reply === "cut") peer.end();
  }

  #judgeServer(): void {
    const { origin } = this.#stage;
    assert.deepEqual(origin.errors(), [], "the server got HTTP");
    for (const { target, method, body } of origin.requests) {
      const plan = this.#at(target);
      assert.equal(method, plan.method);
      assert.ok(this.#wholes(plan.upload, plan.body).includes(body), `${target}: ${body.length} bytes went upstream`);
    }
    for (const { rest, peer } of origin.links)
      assert.ok(
        rest === "" || peer.isGone || peer.closed !== null,
        "half a request is told by the end of the connection",
      );
  }

  /** Promises get their turn behind each step. */
  async #pass(): Promise<void> {
    const { sim } = this.#stage;
    sim.advance(STEP_MS);
    do {
      await new Promise((resolve) => void setImmediate(resolve));
      sim.drive();
    } while (sim.clock.deliveries > 0);
  }
}

function planOf(random: Seeded, path: string): Plan {
  const method = random.pick(["GET", "HEAD", "POST", "POST", "PUT", "PUT"]);
  const length = method === "POST" || method === "PUT" ? random.pick(BODY_BYTES) : 0;
  const isHttp10 = random.between(0, 9) === 0;
  const waits = length > 0 && !isHttp10 && random.between(0, 1) === 0;
  // Most of the others are decided before anybody could be told to go on at the wrong time.
  const upload = waits && random.between(0, 2) === 0 ? "writes before it reads" : random.pick(NAMES);
  const download = random.pick(NAMES);
  const isChunked = length > 0 && !isHttp10 && random.between(0, 1) === 0;
  const reply = random.pick(REPLIES);
  return {
    path,
    method,
    body: length === 0 ? "" : `${path}:${patternOf(length)}`,
    response: `${path} answers ${patternOf(random.pick(BODY_BYTES))}`,
    waits,
    isChunked,
    isHttp10,
    upload: KINDS[upload]!,
    download: KINDS[download]!,
    reply,
    about: `${method} ${path}, upload ${upload}, download ${download}, server ${reply}${waits ? ", waits" : ""}`,
  };
}

function bytesOf({ method, path, body, waits, isChunked, isHttp10 }: Plan): { head: string; body: string } {
  const lines = [`${method} ${path} HTTP/1.${isHttp10 ? 0 : 1}`, "Host: a"];
  if (waits) lines.push("Expect: 100-continue");
  if (isChunked) lines.push("Transfer-Encoding: chunked");
  else if (body !== "") lines.push(`Content-Length: ${body.length}`);
  return { head: `${lines.join("\r\n")}\r\n\r\n`, body: isChunked ? chunksOf(body, 1_000) : body };
}
