/**
 * Random schedules. Invariant: every request gets exactly one complete or visibly aborted response that is its own
 * (each carries a nonce), is reported exactly once, reaches the upstream no more often than its method allows, and
 * leaves nothing behind; the same seed gives the same events.
 *
 *   node --import tsx test/scenario/random.ts --seed 1      plays seed after seed until one fails
 */

import assert from "node:assert/strict";
import process from "node:process";
import type { OriginLink, OriginScript } from "../support/origin.ts";
import type { Peer } from "../support/peer.ts";
import { seeResponses } from "../support/reference-parser.ts";
import { type Seeded, seeded } from "../support/seeded.ts";
import type { Segments } from "../support/segments.ts";
import { patternOf, readSlowly, type Stage, type StageOptions, stageWith } from "./stage.ts";

export interface Played {
  readonly fingerprint: number;
  readonly requests: number;
  readonly exchanges: Stage["exchanges"];
}

type Behaviour = (typeof BEHAVIOURS)[number];

const BEHAVIOURS = [
  "length",
  "length",
  "length",
  "chunked",
  "until-close",
  "interim",
  "slow",
  "early",
  "close",
  "close-unsaid",
  "fin-before",
  "rst-before",
  "fin-within",
  "rst-within",
  "garbage",
  "hang",
  "extra",
  "refuse-body",
] as const;

interface Plan {
  readonly nonce: string;
  readonly method: string;
  readonly body: string;
  readonly isHttp10: boolean;
  readonly bytes: string;
  readonly behaviour: Behaviour;
  readonly response: string;
  tries: number;
}

interface Actor {
  readonly peer: Peer;
  readonly plans: readonly Plan[];
  /** It went away on purpose: what it has may end anywhere. */
  hasAborted: boolean;
}

export async function playRandom(seed: number): Promise<Played> {
  const random = seeded(seed);
  const plans = new Map<string, Plan>();
  const stage = await stageWith({ seed, log: false, ...settingOf(random) });
  stage.script = scriptFor(stage, plans, random);
  const actors = Array.from({ length: random.between(1, 6) }, (_, i) => actorOf(stage, plans, random, i));
  stage.sim.advance(QUIET_MS);
  // Whoever still takes its time has the rest in its own kernel.
  for (const { peer } of actors) {
    peer.onReceive = null;
    peer.readOn();
  }
  stage.sim.advance(QUIET_MS);
  try {
    for (const actor of actors) judge(actor, stage);
    judgeUpstream(stage, plans);
    judgeReports(stage, plans);
    await stage.close();
  } catch (error) {
    const lines = stage.exchanges.map((each) => JSON.stringify(each)).join("\n");
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${lines}`, { cause: error });
  }
  return { fingerprint: stage.sim.fingerprint(), requests: plans.size, exchanges: stage.exchanges };
}

/** Longer than the longest story with the deadlines below. */
const QUIET_MS = 60_000;

function settingOf(random: Seeded): StageOptions {
  const latency = random.pick([0.05, 0.5, 5, 40]);
  return {
    latencyMs: [latency / 2, latency],
    kernelBytesMax: random.pick([1_024, 8_192, 65_536]),
    segments: segmentsOf(random),
    eagerWrites: random.pick([true, false]),
    noticesResetWhilePaused: random.pick([true, false]),
    upstream: { segments: segmentsOf(random), keepsHalfOpen: random.pick([true, false]) },
    pool: { idle: random.pick([0, 1, 64]), queue: random.pick([1, 64]) },
    ...(random.between(0, 2) === 0 && { maxConnections: random.between(1, 3) }),
    limits: { replay: random.pick([0, 1_000, 65_536]), requestBody: 50_000 },
    timeouts: {
      requestHead: "3s",
      requestBodyIdle: "3s",
      firstByte: "2s",
      responseIdle: "2s",
      keepAliveIdle: "4s",
      sendIdle: "3s",
      connect: "1s",
      queue: "1.5s",
      poolIdle: random.pick(["100ms", "10s"]),
    },
  };
}

function segmentsOf(random: Seeded): Segments {
  return random.pick<Segments>([
    { kind: "whole" },
    { kind: "random", bytesMax: 500 },
    { kind: "random", bytesMax: 5_000 },
  ]);
}

// ---- clients

function actorOf(stage: Stage, plans: Map<string, Plan>, random: Seeded, number: number): Actor {
  const { sim } = stage;
  const own = Array.from({ length: random.between(1, 5) }, (_, i) => planOf(random, `n${number}x${i}n`));
  for (const plan of own) plans.set(plan.nonce, plan);
  const halfCloses = random.between(0, 4) === 0;
  const peer = stage.client({ segments: segmentsOf(random), keepsHalfOpen: halfCloses });
  const actor: Actor = { peer, plans: own, hasAborted: false };
  if (random.between(0, 4) === 0) readSlowly(stage, peer, random.pick([300, 5_000, 100_000]));
  let at = random.next() * 50;
  for (const [i, { bytes, method }] of own.entries()) {
    // Some requests come in two parts with a pause, some right behind each other, some much later. Never HEAD: the
    // judge could not know whether a 408 was for its unfinished head, and has a body.
    const isCut = method !== "HEAD" && random.between(0, 3) === 0;
    const cut = isCut ? random.between(1, bytes.length - 1) : bytes.length;
    const pause = random.pick([0, 10, 400, 3_500]);
    const isLast = i === own.length - 1;
    sim.clock.appoint(at, () => !actor.hasAborted && peer.send(bytes.slice(0, cut)));
    if (cut < bytes.length) at += pause;
    const rest = bytes.slice(cut);
    sim.clock.appoint(at, () => {
      if (actor.hasAborted) return;
      peer.send(rest);
      if (isLast && halfCloses) peer.end();
    });
    at += random.pick([0, 0, 1, 300, 2_500]);
  }
  if (random.between(0, 3) === 0) {
    const how = random.pick(["reset", "destroy"] as const);
    sim.clock.appoint(random.next() * at * 1.2, () => {
      actor.hasAborted = true;
      peer[how]();
    });
  }
  return actor;
}

function planOf(random: Seeded, nonce: string): Plan {
  const method = random.pick(["GET", "GET", "HEAD", "POST", "PUT", "DELETE"]);
  const length = method === "POST" || method === "PUT" ? random.pick([0, 1, 100, 3_000, 45_000, 50_000, 50_001]) : 0;
  const body = patternOf(length);
  const isHttp10 = random.between(0, 9) === 0;
  const lines = [`${method} /${nonce} HTTP/1.${isHttp10 ? 0 : 1}`, "Host: a"];
  if (isHttp10 && random.between(0, 1) === 0) lines.push("Connection: keep-alive");
  if (!isHttp10 && random.between(0, 9) === 0) lines.push("Connection: close");
  let sent = body;
  if (length > 0 && !isHttp10 && random.between(0, 1) === 0) {
    lines.push("Transfer-Encoding: chunked");
    sent = chunksOf(body, random.pick([50, 1_000, 60_000]));
  } else if (length > 0 || method === "POST") lines.push(`Content-Length: ${length}`);
  const filling = patternOf(random.pick([0, 10, 2_000, 60_000, 250_000]));
  return {
    nonce,
    method,
    body,
    isHttp10,
    bytes: `${lines.join("\r\n")}\r\n\r\n${sent}`,
    behaviour: random.pick(BEHAVIOURS),
    response: `${nonce}:${filling}:${nonce}`,
    tries: 0,
  };
}

function chunksOf(body: string, size: number): string {
  let text = "";
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}

// ---- the upstream

function scriptFor(stage: Stage, plans: ReadonlyMap<string, Plan>, random: Seeded): OriginScript {
  const { clock } = stage.sim;
  return {
    onConnect(link) {
      const mood = random.between(0, 19);
      if (mood === 0) link.peer.reset();
      if (mood === 1) link.peer.end();
      if (mood === 2) readSlowly(stage, link.peer, 50_000);
      if (mood === 3) clock.appoint(random.next() * 3_000, () => link.peer.end());
      if (mood !== 4) return;
      clock.appoint(random.next() * 3_000, () => {
        link.peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        link.peer.end();
      });
    },
    onHead(head, link) {
      const plan = plans.get(/^\w+ \/(\w+) /.exec(head)?.[1] ?? "");
      if (plan === undefined) return;
      if (plan.behaviour === "early") link.peer.send(lengthResponse(plan));
      if (plan.behaviour === "refuse-body") link.peer.send(lengthResponse(plan, "Connection: close"));
    },
    onRequest(request, link) {
      const plan = plans.get(request.target.slice(1));
      if (plan === undefined) throw new Error(`a request nobody sent: ${request.target}`);
      assert.equal(request.body, plan.body, `the body of ${plan.nonce}`);
      assert.equal(request.method, plan.method);
      plan.tries++;
      const wasEarly = plan.body !== "" && (plan.behaviour === "early" || plan.behaviour === "refuse-body");
      // Whether the head was announced alone depends on how it was cut; a second answer would be a desync of the test's own.
      if (wasEarly && link.raw.length > 0 && hasAnswered.has(plan)) return null;
      const delay = random.pick([0, 0, 1, 100, 1_000]);
      clock.appoint(delay, () => answer(stage, plan, link));
      return null;
    },
  };
}

const hasAnswered = new WeakSet<Plan>();

function lengthResponse(plan: Plan, ...fields: string[]): string {
  hasAnswered.add(plan);
  const lines = ["HTTP/1.1 200 OK", `Content-Length: ${plan.response.length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n${plan.method === "HEAD" ? "" : plan.response}`;
}

function answer(stage: Stage, plan: Plan, link: OriginLink): void {
  const { peer } = link;
  const { clock } = stage.sim;
  const { response, method, behaviour } = plan;
  if (peer.isGone) return;
  const whole = lengthResponse(plan);
  const half = Math.floor(whole.length / 2);
  // A second try meets a server in a better mood.
  switch (plan.tries > 1 ? "length" : behaviour) {
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
      peer.send(lengthResponse(plan, "Connection: close"));
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
    default:
      peer.send(whole);
  }
}

// ---- the invariant

function judge({ peer, plans, hasAborted }: Actor, stage: Stage): void {
  const text = peer.text();
  const seen = seeResponses(
    text,
    plans.map(({ method }) => method),
    peer.closed === "end",
  );
  const finals = seen.messages.filter(({ status }) => status >= 200);
  assert.equal(seen.error, null, `a client got no HTTP: ${seen.rest.slice(0, 100)}`);
  assert.ok(!text.includes("evil"), "bytes nobody asked for reach nobody");
  for (const [i, { status, body }] of finals.entries()) {
    const plan = plans[i];
    if (plan === undefined) {
      // One answer may stand behind the last request: the end of a head that never came.
      assert.ok(status === 408 && i === plans.length, "no more responses than requests");
      continue;
    }
    const { nonce, method, response } = plan;
    if (status !== 200) {
      assert.ok(!/n\d+x\d+n/.test(body), `${nonce}: an answer of our own`);
      continue;
    }
    if (method !== "HEAD")
      assert.ok(body === response, `${nonce}: its own response, all of it (${body.length} of ${response.length})`);
    const report = stage.exchanges.find(({ target }) => target === `/${nonce}`);
    assert.equal(report?.status, 200, `${nonce}: reported as answered`);
  }
  if (hasAborted) return;
  if (finals.length < plans.length)
    assert.notEqual(peer.closed, null, "unanswered requests are told by the end of the connection");
  if (seen.rest !== "") assert.notEqual(peer.closed, null, "half a response is told by the end of the connection");
}

function judgeUpstream(stage: Stage, plans: ReadonlyMap<string, Plan>): void {
  assert.deepEqual(stage.origin.errors(), [], "the upstream got HTTP");
  for (const { nonce, method, tries } of plans.values()) {
    const begun = stage.origin.links.reduce((sum, { raw }) => sum + raw.split(`/${nonce} HTTP`).length - 1, 0);
    const allowed = method === "POST" ? 1 : 2;
    assert.ok(begun <= allowed && tries <= allowed, `${nonce}: ${method} went upstream ${begun} times`);
  }
}

function judgeReports({ exchanges }: Stage, plans: ReadonlyMap<string, Plan>): void {
  const targets = exchanges.map(({ target }) => target);
  assert.equal(new Set(targets).size, targets.length, "each request is reported once");
  for (const target of targets) assert.ok(plans.has(target.slice(1)), `${target} was asked for`);
  for (const { tries, nonce } of plans.values()) {
    if (tries > 0) assert.ok(targets.includes(`/${nonce}`), `${nonce} went upstream and is reported`);
  }
}

// ---- by hand

async function playOn(from: number): Promise<void> {
  for (let seed = from; ; seed++) {
    await playRandom(seed);
    if (seed % 100 === 0) process.stdout.write(`seed ${seed}\n`);
  }
}

const wanted = process.argv.indexOf("--seed");
if (wanted !== -1) await playOn(Number(process.argv[wanted + 1]));
