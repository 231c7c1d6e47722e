import assert from "node:assert/strict";
import type { ArrivedRequest } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { type Seen, type SeenMessage, type SeenResponse, seeResponses } from "../../testing/reference-parser.ts";
import { bytesOfText, joinBytes, printable } from "../../testing/wire.ts";
import { isCanary, type Stage } from "./stage.ts";
import type { Outcome, Vector } from "./vector.ts";

/** How the bytes of a case reach the proxy. */
export type Delivery =
  | { readonly kind: "whole" }
  /** Whole, with the canary in the same write. */
  | { readonly kind: "pipelined" }
  | { readonly kind: "bytes" }
  | { readonly kind: "split"; readonly offset: number };

/**
 * Plays one case: the client's bytes, then a canary on the same connection (not when split, where the bytes are the
 * point), then one on a second connection; throws unless everybody saw what `vector` allows.
 */
export async function play(stage: Stage, vector: Vector, delivery: Delivery): Promise<void> {
  stage.origin.clear();
  scriptReply(stage, vector);
  const view: View = { stage, vector, peer: stage.connect(segmentsOf(delivery)), canary: null };
  const { peer } = view;
  const nonce = newNonce();
  const canaryBytes = bytesOfText(canaryFor(nonce));
  if (delivery.kind === "pipelined") {
    view.canary = nonce;
    peer.send(joinBytes([vector.request, canaryBytes]));
  } else peer.send(vector.request);
  if (vector.clientEnds) peer.end();

  await stage.until(() => peer.closed !== null || finals(view).length >= answersAwaited(vector));
  // Who has said all and goes on nevertheless may be reset: not before it has heard the end.
  if (vector.follow === "close") await stage.until(() => peer.closed !== null);
  if (delivery.kind !== "split" && delivery.kind !== "pipelined" && !vector.clientEnds) {
    view.canary = nonce;
    peer.send(canaryBytes);
  }
  if (view.canary !== null) {
    await stage.until(() => peer.closed !== null || finals(view).length > answersAwaited(vector));
  }
  peer.end();
  await stage.until(() => peer.isGone);

  const secondNonce = newNonce();
  const second = stage.connect({ kind: "whole" });
  second.send(canaryFor(secondNonce));
  await stage.until(() => second.closed !== null || responsesOf(second, ["GET"]).messages.length > 0);
  second.end();
  await stage.until(() => second.isGone);
  if (peer.isGone === false) peer.destroy();
  try {
    judgeSecondCanary(second, secondNonce, view);
    judge(view);
  } catch (error) {
    throw new Error(describeFailure(error as Error, view, delivery), { cause: error });
  }
}

interface View {
  readonly stage: Stage;
  readonly vector: Vector;
  readonly peer: Peer;
  /** The nonce of the canary sent on the same connection. */
  canary: string | null;
}

let nonces = 0;

function newNonce(): string {
  return `n${++nonces}n`;
}

function canaryFor(nonce: string): string {
  return `GET /canary?${nonce} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

function segmentsOf(delivery: Delivery) {
  if (delivery.kind === "bytes" || delivery.kind === "split") return delivery;
  return { kind: "whole" } as const;
}

/** The first request that is no canary gets the case's reply. */
function scriptReply(stage: Stage, vector: Vector): void {
  const { reply, upstreamThen } = vector;
  if (reply === null) {
    stage.script = {};
    return;
  }
  stage.script = {
    onRequest(_request, link) {
      stage.script = {};
      link.peer.send(reply);
      if (upstreamThen === "fin") link.peer.end();
      if (upstreamThen === "rst") stage.later(() => link.peer.reset());
      return null;
    },
  };
}

function responsesOf(peer: Peer, methods: readonly string[]): Seen<SeenResponse> {
  return seeResponses(peer.text(), methods, peer.closed === "end");
}

function responses({ peer, vector }: View): Seen<SeenResponse> {
  const requests = vector.earlier.length > 0 ? vector.earlier : vector.forwards;
  return responsesOf(
    peer,
    requests.map(({ method }) => method),
  );
}

function finals(view: View): SeenResponse[] {
  return responses(view).messages.filter(({ status }) => status >= 200);
}

/** After how many final responses there is nothing left to wait for; a refusal is known by its close. */
function answersAwaited(vector: Vector): number {
  let awaited = Number.POSITIVE_INFINITY;
  for (const { kind } of vector.outcomes) {
    if (kind === "forwarded" || kind === "bad-gateway") awaited = Math.min(awaited, vector.forwards.length);
    if (kind === "denied") awaited = Math.min(awaited, 1);
  }
  return awaited;
}

function judge(view: View): void {
  const { vector } = view;
  const failures: Error[] = [];
  for (const outcome of vector.outcomes) {
    try {
      judgeUpstreamBytes(view, outcome);
      JUDGES[outcome.kind](view, outcome);
      return;
    } catch (error) {
      failures.push(error as Error);
    }
  }
  throw failures.length === 1
    ? failures[0]
    : new AggregateError(failures, failures.map(({ message }) => message).join("\n— or —\n"));
}

const JUDGES: Readonly<Record<Outcome["kind"], (view: View, outcome: Outcome) => void>> = {
  refused(view, { status }) {
    judgeForwards(view, view.vector.earlier);
    const seen = finals(view);
    const last = seen.at(-1);
    assert.equal(seen.length, view.vector.earlier.length + 1, "one response per request, then the refusal");
    assert.equal(last?.status, status, "status of the refusal");
    assert.ok(fieldValues(last, "connection").includes("close"), "the refusal says Connection: close");
    assert.equal(view.peer.closed, "end", "the connection is ended, not reset");
    judgeNoCanary(view);
  },
  "refused-streaming"(view, { status }) {
    const earlier = view.vector.earlier;
    judgeForwards(view, earlier);
    const refusals = finals(view).slice(earlier.length);
    assert.ok(refusals.length <= 1, "at most one response to the broken request");
    if (refusals[0] !== undefined) assert.equal(refusals[0].status, status, "status of the refusal");
    assert.notEqual(view.peer.closed, null, "the connection is closed");
    judgePartialsGone(view);
    judgeNoCanary(view);
  },
  denied(view, { status }) {
    judgeForwards(view, []);
    const [first] = finals(view);
    assert.equal(first?.status, status, "status of the answer");
    judgeFields("client", first, view.vector.clientHas, view.vector.clientLacks);
    if (view.canary !== null && view.peer.closed === null) judgeCanary(view, 1);
  },
  forwarded(view) {
    const { vector } = view;
    const count = vector.forwards.length;
    judgeForwards(view, vector.forwards);
    const seen = finals(view);
    const statuses = seen.slice(0, count).map(({ status }) => status);
    assert.deepEqual(statuses, vector.statuses ?? vector.forwards.map(() => 200), "statuses the client saw");
    const last = forwardedRequests(view).at(-1);
    judgeFields("upstream", last, vector.upstreamHas, vector.upstreamLacks);
    const response = seen[count - 1];
    judgeFields("client", response, vector.clientHas, vector.clientLacks);
    if (vector.clientLacks.includes("interim"))
      assert.ok(!/HTTP\/1\.. 1/.test(view.peer.text()), "no interim response");
    if (vector.clientBody !== null) assert.equal(response?.body, vector.clientBody, "the body the client saw");
    judgeReuse(view);
    if (vector.follow === "close") {
      assert.equal(view.peer.closed, "end", "the connection ends");
      judgeNoCanary(view);
    } else if (view.canary !== null) {
      if (vector.follow === "any" && finals(view).length === count) judgeNoCanary(view);
      else judgeCanary(view, count);
    }
  },
  "bad-gateway"(view) {
    judgeForwards(view, view.vector.forwards);
    judgeFailedResponse(view);
    judgeReuse({ ...view, vector: { ...view.vector, reuse: "no" } });
  },
  abort(view) {
    judgeForwards(view, view.vector.forwards);
    judgeFailedResponse(view);
    judgeReuse({ ...view, vector: { ...view.vector, reuse: "no" } });
    // One that waits on a kept connection and hears nothing at all asks again by itself (RFC 9112 section 9.3.1).
    assert.notEqual(view.peer.text(), "", "a response that has begun is seen to have begun");
    if (finals(view).length === view.vector.forwards.length) return;
    assert.notEqual(view.peer.closed, null, "an incomplete response is followed by a close");
  },
  cut(view) {
    judgeForwards(view, []);
    for (const { status } of finals(view)) assert.ok(status >= 400, `status ${status} for half a request`);
    assert.notEqual(view.peer.closed, null, "the connection is closed");
    judgePartialsGone(view);
  },
};

function forwardedRequests({ stage }: View): ArrivedRequest[] {
  return stage.origin.requests.filter(({ target }) => !isCanary(target));
}

function judgeForwards(view: View, expected: Vector["forwards"]): void {
  const seen = forwardedRequests(view).map(({ method, target, body }, index) => ({
    method,
    target,
    body: (expected[index]?.body ?? null) === null ? null : body,
  }));
  assert.deepEqual(
    seen,
    expected.map(({ method, target, body }) => ({ method, target, body })),
    "requests the upstream saw",
  );
}

/** Whatever reaches the upstream is HTTP of one spelling; only a body cut short may leave something incomplete. */
function judgeUpstreamBytes({ stage }: View, { kind }: Outcome): void {
  assert.deepEqual(stage.origin.errors(), [], "the upstream got bytes that are no HTTP");
  if (kind === "refused-streaming" || kind === "cut") return;
  for (const link of stage.origin.links) {
    assert.equal(link.rest, "", `upstream connection ${link.number} got the start of a request`);
  }
}

function judgePartialsGone({ stage }: View): void {
  for (const link of stage.origin.links) {
    if (link.rest !== "")
      assert.notEqual(link.peer.closed, null, "the upstream connection with half a request is gone");
  }
}

/** 502 if nothing was sent yet, else something that is visibly incomplete. */
function judgeFailedResponse(view: View): void {
  const answered = view.vector.forwards.length - 1;
  const failed = finals(view)[answered];
  if (failed !== undefined) assert.equal(failed.status, 502, "a complete response must be the proxy's own 502");
  else assert.notEqual(view.peer.closed, null, "an incomplete response is followed by a close");
  assert.ok(!view.peer.text().includes("evil"), "nothing of the refused response reaches the client");
}

function judgeReuse(view: View): void {
  if (view.vector.reuse !== "no") return;
  const used = forwardedRequests(view).at(-1)?.link;
  assert.ok(used, "the request arrived");
  assert.ok(used.peer.closed !== null || used.peer.isGone, "the upstream connection is closed");
  assert.equal(used.requests.at(-1)?.target, forwardedRequests(view).at(-1)?.target, "and served nothing afterwards");
}

function judgeCanary(view: View, position: number): void {
  const seen = finals(view);
  assert.equal(seen.length, position + 1, "the canary and nothing else is answered behind");
  assert.ok(seen[position]?.body.includes(`"/canary?${view.canary}"`), "the canary's own nonce comes back");
  assert.equal(canaries(view, view.canary).length, 1, "the upstream saw the canary once");
}

function judgeNoCanary(view: View): void {
  assert.ok(!view.peer.text().includes("/canary?"), "nothing behind is answered");
  assert.equal(canaries(view, view.canary).length, 0, "nothing behind reaches the upstream");
}

function judgeSecondCanary(second: Peer, nonce: string, view: View): void {
  const [answer] = responsesOf(second, ["GET"]).messages;
  assert.ok(answer?.body.includes(`"/canary?${nonce}"`), `second client's canary: ${printable(second.received)}`);
  assert.equal(responsesOf(second, ["GET"]).rest, "", "the second client sees nothing else");
  assert.equal(canaries(view, nonce).length, 1, "the upstream saw the second canary once");
}

function canaries({ stage }: View, nonce: string | null): ArrivedRequest[] {
  return stage.origin.requests.filter(({ target }) => target === `/canary?${nonce}`);
}

function fieldValues(message: SeenMessage | undefined, name: string): string[] {
  return (message?.fields ?? [])
    .filter(([each]) => each.toLowerCase() === name)
    .map(([, value]) => value.toLowerCase());
}

function judgeFields(
  side: string,
  message: SeenMessage | undefined,
  has: readonly string[],
  lacks: readonly string[],
): void {
  assert.ok(message, `a message for the ${side}`);
  const trailers = message.trailers.map(([name, value]) => `${name}: ${value}`);
  for (const wanted of has) {
    if (wanted === "no trailers") assert.deepEqual(trailers, [], "trailers");
    else if (wanted.startsWith("trailer ")) assert.ok(trailers.includes(wanted.slice(8)), `${side} sees ${wanted}`);
    else assert.ok(message.raw.includes(`\r\n${wanted}\r\n`), `${side} sees ${printable(wanted)}`);
  }
  for (const unwanted of lacks) {
    const value = /^value (.*)$/.exec(unwanted)?.[1];
    const trailer = /^trailer (.*)$/.exec(unwanted)?.[1];
    if (value !== undefined) {
      assert.ok(!message.fields.some(([, each]) => each.includes(value)), `${side} sees no field with ${value}`);
    } else if (trailer !== undefined) {
      assert.ok(!trailers.some((line) => line.startsWith(`${trailer}:`)), `${side} sees no trailer ${trailer}`);
    } else if (unwanted.includes(": ")) {
      assert.ok(!message.raw.includes(`\r\n${unwanted}\r\n`), `${side} does not see ${unwanted}`);
    } else assert.deepEqual(fieldValues(message, unwanted.toLowerCase()), [], `${side} sees no ${unwanted}`);
  }
}

function describeFailure(error: Error, view: View, delivery: Delivery): string {
  const { vector, stage, peer } = view;
  const upstream = stage.origin.links.map(
    (link) => `#${link.number} (${link.peer.closed ?? "open"}) ${printable(link.raw, 1500)}`,
  );
  const expected = vector.outcomes.map(({ kind, status }) => `${kind} ${status}`).join(" or ");
  return [
    `${vector.name}\n(${vector.place}, ${JSON.stringify(delivery)}; expected ${expected}): ${error.message}`,
    `sent:\n${printable(vector.request, 1500)}`,
    `client got (${peer.closed ?? "open"}):\n${printable(peer.received, 1500)}`,
    `upstream got:\n${upstream.join("\n")}`,
  ].join("\n\n");
}
