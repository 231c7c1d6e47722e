import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { UNLOAD_MS } from "../../../core/limits.ts";
import { Background } from "../../../core/script/background.ts";
import { around } from "./stage.ts";
import { turns } from "./streams.ts";

function play() {
  const surroundings = around();
  const background = new Background(surroundings.timers);
  const told: string[] = [];
  const call = {
    abandon(): void {
      told.push("abandoned");
      background.delete(call);
    },
  };
  background.requests.add({ cut: () => void told.push("cut") });
  const end = (): void => void background.end().then(() => told.push("over"));
  return { surroundings, background, told, call, end };
}

describe("what hooks do in the background", () => {
  it("ends at once when nothing is called: requests are cut", async () => {
    const { told, background, call, end } = play();
    background.add(call);
    background.delete(call);
    end();
    await turns();
    assert.deepEqual(told, ["cut", "over"]);
  });

  it("waits for calls, then cuts requests", async () => {
    const { told, background, call, end } = play();
    background.add(call);
    end();
    await turns();
    assert.deepEqual(told, []);
    background.delete(call);
    await turns();
    assert.deepEqual(told, ["cut", "over"]);
  });

  it("gives up calls that go on for too long", async () => {
    const { told, background, call, end, surroundings } = play();
    background.add(call);
    end();
    surroundings.advance(UNLOAD_MS);
    await turns();
    assert.deepEqual(told, []);
    surroundings.advance(200);
    await turns();
    assert.deepEqual(told, ["abandoned", "cut", "over"]);
  });
});
