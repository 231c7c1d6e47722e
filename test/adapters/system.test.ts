import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { system } from "../../adapters/system.ts";

const GIB = 1024 ** 3;

describe("how full the memory is", () => {
  it("is not known without descriptors, and is right once there are some again", () => {
    const { memoryUsage, constrainedMemory } = process;
    const answer = (limit: number, rss: () => number): number | null => {
      process.constrainedMemory = () => limit;
      process.memoryUsage = Object.assign(() => memoryUsage(), { rss });
      return system.memoryLoad();
    };
    try {
      // Deno answers 0 where the others throw.
      for (const rss of [() => raise("EMFILE"), () => 0]) assert.equal(answer(0, rss), null);
      assert.equal(
        answer(GIB, () => GIB),
        1,
      );
    } finally {
      Object.assign(process, { memoryUsage, constrainedMemory });
    }
  });
});

function raise(message: string): never {
  throw new Error(message);
}
