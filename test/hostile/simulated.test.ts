import { after, describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { type Delivery, play } from "./play.ts";
import { type Stage, simulate } from "./stage.ts";
import { loadVectors, type Vector } from "./vector.ts";

/** Longer cases are about size: they are cut at some places only. Where a cut falls is no matter of the runtime. */
const EVERY_OFFSET_BYTES_MAX = runtimeUnderTest() === "node24" ? 300 : 20;
const SOME_OFFSETS = 10;
const BYTE_BY_BYTE_BYTES_MAX = 4096;

const byId = new Map<string, Vector[]>();
for (const vector of loadVectors()) byId.set(vector.id, [...(byId.get(vector.id) ?? []), vector]);

for (const [id, vectors] of byId) {
  describe(`${id} in the simulator`, () => {
    const stages = new Map<string, Promise<Stage>>();
    const stageFor = (configuration: string): Promise<Stage> => {
      const stage = stages.get(configuration) ?? simulate(configuration);
      stages.set(configuration, stage);
      return stage;
    };

    for (const vector of vectors) {
      it(vector.name, async () => {
        const stage = await stageFor(vector.configuration);
        try {
          for (const delivery of deliveriesOf(vector)) await play(stage, vector, delivery);
        } catch (error) {
          // What a failed case leaves behind would fail the next ones, too.
          stages.delete(vector.configuration);
          throw error;
        }
      });
    }

    after(async () => {
      for (const stage of stages.values()) await (await stage).close();
    });
  });
}

function deliveriesOf({ request, clientEnds, reply }: Vector): Delivery[] {
  const deliveries: Delivery[] = [{ kind: "whole" }];
  const mentionsUpgrade = /upgrade/i.test(String.fromCharCode(...request.subarray(0, 4096)));
  if (!clientEnds && reply === null && !mentionsUpgrade) deliveries.push({ kind: "pipelined" });
  if (request.length <= BYTE_BY_BYTE_BYTES_MAX) deliveries.push({ kind: "bytes" });
  const step = request.length <= EVERY_OFFSET_BYTES_MAX ? 1 : Math.ceil(request.length / SOME_OFFSETS);
  for (let offset = 1; offset < request.length; offset += step) deliveries.push({ kind: "split", offset });
  return deliveries;
}
