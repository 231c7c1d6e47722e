import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HoldGate } from "../../../core/h1/hold-gate.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";

describe("a gate with several holders", () => {
  it("pauses at the first hold and resumes at the last release", () => {
    const calls: string[] = [];
    const socket = Object.assign(new RecordingSocket(), {
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
    });
    const gate = new HoldGate(socket);
    gate.release(1);
    assert.deepEqual(calls, []);
    gate.hold(1);
    gate.hold(2);
    gate.hold(1);
    assert.deepEqual(calls, ["pause"]);
    gate.release(1);
    gate.release(1);
    assert.deepEqual(calls, ["pause"]);
    gate.release(2);
    assert.deepEqual(calls, ["pause", "resume"]);
  });

  it("ends a rest of the socket while nobody holds it", () => {
    let resumed = 0;
    const gate = new HoldGate(Object.assign(new RecordingSocket(), { resume: () => void resumed++ }));
    gate.wake();
    assert.equal(resumed, 1);
    gate.hold(1);
    gate.hold(2);
    gate.wake();
    gate.wake(2);
    assert.equal(resumed, 1);
    gate.wake(1);
    assert.equal(resumed, 2);
  });
});
