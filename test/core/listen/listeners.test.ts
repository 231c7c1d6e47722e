import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Listener } from "../../../core/listen/listener.ts";
import { closeAll, isListenFailure, listenAll } from "../../../core/listen/listeners.ts";

function listener(name: string, told: string[], error: object | null = null): Listener {
  const fake = {
    name,
    start: () => {
      told.push(`${name} listens`);
      return error === null ? Promise.resolve() : Promise.reject(error);
    },
    stopAccepting: () => {
      told.push(`${name} stops`);
      return Promise.resolve();
    },
    closeAll: () => void told.push(`${name} closes`),
  };
  return fake as unknown as Listener;
}

describe("several listeners", () => {
  it("listen one after the other, as far as they can", async () => {
    const told: string[] = [];
    assert.equal(await listenAll([listener("a", told), listener("b", told)]), null);
    const failing = [listener("a", told), listener("b", told, { code: "E", message: "no" }), listener("c", told)];
    assert.deepEqual(await listenAll(failing), { listener: "b", code: "E", message: "no" });
    assert.deepEqual(told, ["a listens", "b listens", "a listens", "b listens"]);
    assert.deepEqual([await listenAll(failing), new Error("no"), null].map(isListenFailure), [true, false, false]);
  });

  it("close what they have, and what comes while they stop", async () => {
    const told: string[] = [];
    await closeAll([listener("a", told), listener("b", told)]);
    assert.equal(told.join(", "), "a closes, b closes, a stops, b stops, a closes, b closes");
  });
});
