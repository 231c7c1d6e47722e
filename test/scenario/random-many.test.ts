import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import type { Answer, Seeds } from "./random-thread.ts";

/** Behind those of `random.test.ts`. The same code plays the same events everywhere: one runtime will do, the fastest. */
const FROM = 401;
const SEEDS = 9_600;
const PER_TEST = 400;

const isHere = runtimeUnderTest() === "node24";

describe("ten thousand random schedules", () => {
  let thread: Worker | null = null;
  beforeAll(() => {
    if (!isHere) return;
    thread = new Worker(new URL("random-thread.ts", import.meta.url));
    // What nobody has caught ends it, and the tests behind would wait for it in vain.
    thread.once("error", () => {
      thread = null;
    });
  });
  afterAll(async () => {
    await thread?.terminate();
  });

  for (let from = FROM; from < FROM + SEEDS; from += PER_TEST) {
    const play = isHere ? it : it.skip;
    play(`keep the invariant: seeds ${from} to ${from + PER_TEST - 1}, on Node 24 only`, async () => {
      assert.ok(thread !== null, "its thread has ended");
      thread.postMessage({ from, runs: PER_TEST } satisfies Seeds);
      // An error that nobody has caught rejects it.
      const [{ problem }] = (await once(thread, "message")) as [Answer];
      assert.equal(problem, null);
    });
  }
});
