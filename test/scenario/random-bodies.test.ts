import { describe, it } from "@std/testing/bdd";
import { usualTimes } from "../support/always-holds.ts";
import { BodyStory } from "./random/body-story.ts";

const SEEDS = usualTimes(100);
/** Short enough for the deadline that some runners set for one test. */
const PER_TEST = 20;

describe("random stories of bodies that hooks and programs make others of", () => {
  for (let from = 1; from <= SEEDS; from += PER_TEST) {
    it(`end as they should: seeds ${from} to ${from + PER_TEST - 1}`, async () => {
      for (let seed = from; seed < from + PER_TEST; seed++) await playSeed(seed);
    });
  }
});

async function playSeed(seed: number): Promise<void> {
  const story = new BodyStory(seed);
  try {
    await story.play();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${story}`, { cause: error });
  }
}
