import { after, describe, it } from "@std/testing/bdd";
import { loadRuntime } from "../../adapters/mod.ts";
import { play } from "./play.ts";
import { onSockets, type Stage } from "./stage.ts";
import { loadVectors } from "./vector.ts";

const { capabilities } = await loadRuntime();

describe("hostile input on real sockets", () => {
  const stages = new Map<string, Promise<Stage>>();

  for (const vector of loadVectors()) {
    // An upstream that cannot reset looks like one that ended.
    const ignore = vector.upstreamThen === "rst" && !capabilities.reset;
    it(vector.name, { ignore }, async () => {
      const stage = stages.get(vector.configuration) ?? onSockets(vector.configuration);
      stages.set(vector.configuration, stage);
      try {
        await play(await stage, vector, { kind: "whole" });
      } catch (error) {
        // What a failed case leaves behind would fail the next ones, too.
        stages.delete(vector.configuration);
        await (await stage).close();
        throw error;
      }
    });
  }

  after(async () => {
    for (const stage of stages.values()) await (await stage).close();
  });
});
