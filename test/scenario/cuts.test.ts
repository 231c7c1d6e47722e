import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { beforeAll, describe, it } from "@std/testing/bdd";
import type { ArrivedRequest, OriginLink } from "../../testing/origin.ts";
import { seeResponses } from "../../testing/reference-parser.ts";
import type { EndOptions } from "../../testing/sim.ts";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { ok, type Stage, stageWith } from "./stage.ts";

/** How requests are cut changes nothing of what comes of them, whoever takes part in that. */

const chunks = (...parts: string[]): string =>
  `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;

/** All on one connection, right behind each other. */
const SENT = [
  `POST /changed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks("hello", "wor", "ld")}`,
  "GET /hook HTTP/1.1\r\nHost: a\r\n\r\n",
  "PUT /program HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
  "HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /plain HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
  `DELETE /decided HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks("zz")}`,
  "GET /again HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes of a tunnel",
];
const METHODS = SENT.map((request) => request.slice(0, request.indexOf(" ")));
const TEXT = SENT.join("");
/** Where a cut falls is no matter of the runtime. */
const EVERY = runtimeUnderTest() === "node24" ? 2 : 20;

const upper = (body: ReadableStream<Uint8Array>) =>
  body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => controller.enqueue(chunk.map((byte) => (byte >= 0x61 ? byte - 0x20 : byte))),
    }),
  );
const later = async () => undefined;

const ROUTES = [
  {
    match: { path: "/changed" },
    upstream: "app",
    hooks: { onRequest: later, transformRequestBody: upper, onResponse: later, transformResponseBody: upper },
  },
  { match: { path: "/hook" }, upstream: "app", hooks: { onRequest: async () => new Response("from the hook") } },
  { match: { path: "/program" }, mount: async (request: Request) => new Response(await request.text()) },
  { match: { path: "/decided" }, upstream: "app", hooks: { onRequest: later, decide: later, onFinish: later } },
  { match: { path: "/again" }, upstream: "app", hooks: { onAttempt: later, onResponse: later } },
  { upstream: "app" },
];

/** What the client got, the server was asked, and was reported. */
async function play(cutsAt: readonly number[], client: EndOptions = {}, upstream: EndOptions = {}): Promise<unknown> {
  const asked: string[] = [];
  const onRequest = ({ method, target, body }: ArrivedRequest, link: OriginLink): string => {
    asked.push(`${method} ${target} ${body}`);
    if (target === "/again" && asked.at(-2) !== asked.at(-1)) return "HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy";
    if (target === "/tunnel") {
      link.becomeTunnel();
      return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    }
    const answer = ok(`${target} got ${body}`);
    return method === "HEAD" ? answer.slice(0, answer.indexOf("\r\n\r\n") + 4) : answer;
  };
  const stage = await stageWith({
    sharesMemory: true,
    upstream,
    routes: ROUTES as never,
    script: {
      onHead: (head, { peer }) => void (/\r\nexpect:/i.test(head) && peer.send("HTTP/1.1 100 Continue\r\n\r\n")),
      onTunnel: (text, { peer }) => peer.send(text.toUpperCase()),
      onRequest,
    },
  });
  const peer = stage.client(client);
  const places = [0, ...cutsAt, TEXT.length];
  for (const [i, to] of places.slice(1).entries()) {
    peer.send(TEXT.slice(places[i], to));
    await pass(stage, 25);
  }
  await pass(stage, 100);
  const { messages, rest, error } = seeResponses(peer.text(), METHODS, false);
  const finals = messages.filter(({ status }) => status !== 100).map(({ status, body }) => [status, body]);
  const reported = stage.exchanges.map(({ durationMs: _durationMs, ...told }) => told);
  await stage.close();
  return { finals, rest, error, asked, reported };
}

async function pass({ sim }: Stage, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 5) {
    sim.advance(5);
    do {
      await new Promise((resolve) => void setImmediate(resolve));
      sim.drive();
    } while (sim.clock.deliveries > 0);
  }
}

describe("what comes of requests", () => {
  let whole: unknown;
  beforeAll(async () => {
    whole = await play([]);
  });

  it("is what they asked for", () => {
    const { finals, rest, asked } = whole as { finals: unknown; rest: string; asked: string[] };
    assert.deepEqual(finals, [
      [200, "/CHANGED GOT HELLOWORLD"],
      [200, "from the hook"],
      [200, "0123456789"],
      [200, ""],
      [200, "/plain got abc"],
      [200, "/decided got zz"],
      [200, "/again got "],
      [101, ""],
    ]);
    assert.equal(rest, "BYTES OF A TUNNEL");
    assert.equal(asked.length, 7);
  });

  it("is the same byte by byte, on either side", async () => {
    const bytes: EndOptions = { segments: { kind: "bytes" } };
    assert.deepEqual(await play([], bytes), whole);
    assert.deepEqual(await play([], bytes, bytes), whole);
  });

  it("is the same wherever there is a pause", async () => {
    for (let at = 1; at < TEXT.length; at += EVERY) assert.deepEqual(await play([at]), whole, `cut at ${at}`);
  });
});
