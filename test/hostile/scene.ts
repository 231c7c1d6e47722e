import assert from "node:assert/strict";
import type { ArrivedRequest } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { type SeenResponse, seeResponses } from "../../testing/reference-parser.ts";
import type { Segments } from "../../testing/segments.ts";
import { printable } from "../../testing/wire.ts";
import { isCanary, type SimulatedStage, type Stage } from "./stage.ts";

/** Moves that the scenarios of this folder share. */

export const WHOLE: Segments = { kind: "whole" };

/** The final responses a client has got in full. */
export function finalsOf(peer: Peer): SeenResponse[] {
  const seen = seeResponses(peer.text(), [], peer.closed === "end");
  return seen.messages.filter(({ status }) => status >= 200);
}

export function statusesOf(peer: Peer): number[] {
  return finalsOf(peer).map(({ status }) => status);
}

/** What reached the upstream in full, canaries apart. */
export function forwardedTo({ origin }: Stage): ArrivedRequest[] {
  return origin.requests.filter(({ target }) => !isCanary(target));
}

let nonces = 0;

/** A second client gets its own answer, and the upstream has seen nothing but HTTP. */
export async function assertHealthy(stage: Stage): Promise<void> {
  const nonce = `scene${++nonces}`;
  const client = stage.connect(WHOLE);
  client.send(`GET /canary?${nonce} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await stage.until(() => finalsOf(client).length > 0 || client.closed !== null);
  assert.ok(client.text().includes(`"/canary?${nonce}"`), `the canary came back: ${printable(client.received)}`);
  assert.equal(finalsOf(client).length, 1);
  client.end();
  await stage.until(() => client.isGone);
  assert.deepEqual(stage.origin.errors(), []);
}

/** Ends what the scenario left open and checks that nothing leaks. */
export async function strike(stage: SimulatedStage, ...peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) peer.destroy();
  stage.sim.drive();
  await stage.close();
}
