import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { ok, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Heads in two reads, at every place: where in memory they come to lie is nobody's business. */

let stage: Stage;
afterEach(() => stage.close());

const BEFORE = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

describe("a head in two pieces", () => {
  for (const head of [
    "GET / HTTP/1.0\r\n\r\n",
    "GET /b?c HTTP/1.0\r\nX: y\r\n\r\n",
    "\r\nGET http://h:1/b HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ]) {
    for (const [behind, before] of [
      ["by itself", ""],
      ["behind another", BEFORE],
    ] as const) {
      it(`is served: ${JSON.stringify(head)}, ${behind}`, async () => {
        for (const sharesMemory of [false, true]) {
          stage = await stageWith({ sharesMemory, script: { onRequest: () => ok("x") } });
          for (let at = 1; at < head.length; at++) {
            const client = stage.client();
            client.send(before + head.slice(0, at));
            stage.sim.advance(100);
            client.send(head.slice(at));
            stage.sim.advance(100);
            assert.deepEqual(statusesTo(client), before === "" ? [200] : [200, 200], `cut at ${at}`);
          }
        }
      });
    }
  }
});
