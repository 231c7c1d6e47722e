import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { ClientSide } from "../../../core/exchange/client-side.ts";
import { restOf } from "../../../core/exchange/deployment.ts";
import type { Engine } from "../../../core/exchange/engine.ts";
import { TracedRequest } from "../../../core/exchange/traced-request.ts";
import type { RequestHead } from "../../../core/http/message.ts";

let looks: number;
let isOn: boolean;
let samples: boolean;
let wantsTimes: boolean;
let hookWants: boolean;

class Request extends TracedRequest {
  override status = 200;
  override fault = null;
  tried = [];
  attempts = 0;
  requestBytes = 0;
  override responseBytes = 0;
}

function request(): Request {
  const runtime = { now: () => 100 + ++looks };
  const traceRing = { isOn, samplesNext: () => samples };
  const engine = {
    runtime,
    traceRing,
    observer: { wantsTimes },
    deployment: { wantsTimes: hookWants, registry: { none() {} } },
  } as unknown as Engine;
  return new Request(engine, {} as ClientSide, {} as RequestHead);
}

beforeEach(() => {
  looks = 0;
  [isOn, samples, wantsTimes, hookWants] = [true, false, false, false];
});

describe("a request that may be traced", () => {
  it("costs one look at the clock, and no notes", () => {
    const { startedMs, trace } = request();
    assert.deepEqual([startedMs, trace, looks], [101, null, 1]);
  });

  it("never looks when nobody wants to know, and opens no trace", () => {
    isOn = false;
    const { startedMs, nowMs } = request();
    assert.deepEqual([startedMs, nowMs, request().openTrace(), looks], [0, 0, null, 0]);
    wantsTimes = true;
    assert.equal(request().startedMs, 101);
    [wantsTimes, hookWants] = [false, true];
    assert.equal(request().startedMs, 102);
  });

  it("has notes from the begin when it is sampled, else from when something goes wrong", () => {
    const late = request();
    assert.equal(late.openTrace()?.isSampled, false);
    assert.equal(late.openTrace(), late.trace);
    samples = true;
    const early = request();
    assert.equal(early.trace?.isSampled, true);
    assert.equal(early.openTrace(), early.trace);
  });

  it("holds on to its configuration after a reload only until the response begins", () => {
    const began = request();
    const { deployment } = began;
    began.status = 0;
    began.onReplaced();
    assert.equal(began.deployment, deployment);
    began.status = 101;
    began.onReplaced();
    assert.equal(began.deployment, restOf(deployment));
    assert.notEqual(began.deployment, deployment);
  });
});
