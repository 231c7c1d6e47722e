import { describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { playMany } from "./random.ts";

/** Behind those of `random.test.ts`. The same code plays the same events everywhere: one runtime will do, the fastest. */
const FROM = 401;
const SEEDS = 9_600;
const PER_TEST = 400;

describe("ten thousand random schedules", () => {
  for (let from = FROM; from < FROM + SEEDS; from += PER_TEST) {
    const play = runtimeUnderTest() === "node24" ? it : it.skip;
    play(`keep the invariant: seeds ${from} to ${from + PER_TEST - 1}, on Node 24 only`, async () => {
      await playMany(from, PER_TEST);
    });
  }
});
