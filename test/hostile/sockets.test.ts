import { after, describe, it } from "@std/testing/bdd";
import { play } from "./play.ts";
import { onSockets, type Stage } from "./stage.ts";
import { loadVectors } from "./vector.ts";

describe("hostile input on real sockets", () => {
  const stages = new Map<string, Promise<Stage>>();

  for (const vector of loadVectors()) {
    it(vector.name, async () => {
      const stage = stages.get(vector.configuration) ?? onSockets(vector.configuration);
      stages.set(vector.configuration, stage);
      await play(await stage, vector, { kind: "whole" });
    });
  }

  after(async () => {
    for (const stage of stages.values()) await (await stage).close();
  });
});
