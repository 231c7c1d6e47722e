/** The invariant of random schedules, seen from the clients, from the servers, and from what was reported. */

import assert from "node:assert/strict";
import { seeResponses } from "../../../testing/reference-parser.ts";
import type { Actor } from "./clients.ts";
import { NONCE } from "./request-plan.ts";
import type { World } from "./world.ts";

export function judge(world: World): void {
  for (const actor of world.actors) judgeClient(actor, world);
  judgeServers(world);
  judgeReports(world);
  judgeTraces(world);
}

/** Every request got one complete or visibly aborted response, and it is its own. */
function judgeClient({ peer, plans, hasAborted }: Actor, world: World): void {
  if (peer.connectError !== null) {
    const isShed = peer.connectError.code === "ECONNRESET" && world.notices.has("address-shed");
    assert.ok(world.isDraining || isShed, "connections are refused by nobody but a drain");
    return;
  }
  const text = peer.text();
  const methods = plans.map(({ method }) => method);
  const seen = seeResponses(text, methods, peer.closed === "end");
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
    for (const [found] of body.matchAll(NONCE)) assert.equal(found, nonce, `${nonce}: its own response`);
    // What a server said is whole; what we say ourselves is not made of it.
    const isServers = status === 200 || (body !== "" && body.includes(nonce));
    if (!isServers) continue;
    if (method !== "HEAD")
      assert.ok(body === response, `${nonce}: its own response, all of it (${body.length} of ${response.length})`);
    const report = world.exchanges.find(({ target }) => target === `/${nonce}`);
    assert.equal(report?.status, status, `${nonce}: reported as answered`);
  }
  if (hasAborted) return;
  if (finals.length < plans.length)
    assert.notEqual(peer.closed, null, "unanswered requests are told by the end of the connection");
  if (seen.rest !== "") assert.notEqual(peer.closed, null, "half a response is told by the end of the connection");
}

/** Servers got HTTP, and each request no more often than it may. */
function judgeServers({ servers, plans, setting }: World): void {
  const begun = new Map<string, number>();
  for (const server of servers) {
    assert.deepEqual(server.errors(), [], "servers got HTTP");
    for (const { raw } of server.links) {
      for (const [, nonce = ""] of raw.matchAll(/ \/(n\d+x\d+n) HTTP/g)) begun.set(nonce, (begun.get(nonce) ?? 0) + 1);
    }
  }
  for (const { nonce, method, tries, isRepeatable } of plans.values()) {
    const times = begun.get(nonce) ?? 0;
    const allowed = isRepeatable ? setting.deliveriesMax : 1;
    assert.ok(times <= allowed && tries <= times, `${nonce}: ${method} went upstream ${times} times`);
  }
}

/** Each request that was accepted is reported exactly once. */
function judgeReports({ exchanges, plans }: World): void {
  const targets = exchanges.map(({ target }) => target);
  assert.equal(new Set(targets).size, targets.length, "each request is reported once");
  for (const target of targets) assert.ok(plans.has(target.slice(1)), `${target} was asked for`);
  for (const { tries, nonce } of plans.values()) {
    if (tries > 0) assert.ok(targets.includes(`/${nonce}`), `${nonce} went upstream and is reported`);
  }
}

/** Whoever failed has left one trace, which tells of each try how it came to it and how it ended. */
function judgeTraces({ exchanges, proxy }: World): void {
  for (const { requestId, status, fault, attempts, durationMs } of exchanges) {
    const trace = proxy.trace(requestId);
    if (fault !== "" || status >= 500) assert.equal(trace?.kept, "failed", `${requestId}: has a trace`);
    if (trace === null) continue;
    assert.deepEqual([trace.status, trace.fault?.code ?? ""], [status, fault], `${requestId}: ended as reported`);
    assert.equal(trace.tries.length + trace.triesOmitted, attempts, `${requestId}: has all its tries`);
    assert.equal(trace.durationMs, Math.round(durationMs * 1_000) / 1_000, `${requestId}: took as long`);
    for (const each of trace.tries) {
      const times: number[] = [0, each.beganAfterMs, each.beganAfterMs, each.endedAfterMs, trace.durationMs];
      if (each.sentAfterMs !== null) times[2] = each.sentAfterMs;
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
        `${requestId}: ${each.server}, times in order`,
      );
      assert.equal(each.connection === null, each.sentAfterMs === null, `${requestId}: sent over a connection`);
    }
  }
}
