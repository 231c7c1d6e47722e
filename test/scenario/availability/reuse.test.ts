import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import type { OriginLink } from "../../../testing/origin.ts";
import type { Peer } from "../../../testing/peer.ts";
import { runtimeUnderTest } from "../../support/runtime-command.ts";
import { OK, type Stage, stageWith } from "../stage.ts";

/**
 * The server ends a kept connection at about the instant it is used again. From trial to trial that instant moves by
 * microseconds, and the network adds its own chance: all orders of request, answer and end come up.
 */

/** The same code does the same everywhere: many trials on one runtime will do. */
const TRIALS = runtimeUnderTest() === "node24" ? 4_000 : 1_000;
const AROUND_MS = 5;
const FAREWELLS = ["end", "reset", "destroy"] as const;
/** Enough for an answer that needs a second connection. */
const ANSWERED_MS = 25;

let stage: Stage;
afterEach(() => stage.close());

class Trials {
  /** How often each status came. */
  readonly statuses: Record<string, number> = {};
  /** In how many trials the server saw the request never, once, twice … */
  readonly sightings: number[] = [0, 0, 0];
  #link: OriginLink | null = null;
  #seen = 0;
  #asked = 0;
  #client: Peer | null = null;

  async start(): Promise<void> {
    const onRequest = (_request: unknown, link: OriginLink): null => {
      this.#link = link;
      this.#seen++;
      // Not at once, so that the end may come in between.
      stage.sim.clock.appoint(1, () => {
        if (!link.peer.isGone && link.peer.closed === null) link.peer.send(OK);
      });
      return null;
    };
    stage = await stageWith({ latencyMs: [0.05, 2], app: { retries: { attempts: 0 } }, script: { onRequest } });
  }

  /** The connection that rests ends `offsetMs` after the request was sent. */
  run(method: string, farewell: (typeof FAREWELLS)[number], offsetMs: number): void {
    const { clock, advance } = stage.sim;
    while (stage.endpoint.connections.idleCount === 0) this.#ask("GET");
    const { peer } = this.#link!;
    clock.appoint(AROUND_MS + offsetMs, () => {
      if (!peer.isGone) peer[farewell]();
    });
    advance(AROUND_MS);
    this.#seen = 0;
    const status = this.#ask(method);
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.sightings[this.#seen]!++;
    stage.origin.clear();
  }

  #ask(method: string): string {
    if (this.#client === null || this.#client.isGone || this.#client.closed !== null) this.#client = stage.client();
    this.#client.clear();
    // With a body and without: what keeps a POST from being sent again is not the same.
    const body = "x".repeat(++this.#asked % 2);
    this.#client.send(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    stage.sim.advance(ANSWERED_MS);
    return this.#client.text().split(" ")[1] ?? "none";
  }
}

async function sweep(method: string): Promise<Trials> {
  const trials = new Trials();
  await trials.start();
  for (let i = 0; i < TRIALS; i++) {
    trials.run(method, FAREWELLS[i % FAREWELLS.length]!, AROUND_MS * ((2 * i) / TRIALS - 1));
  }
  return trials;
}

describe("a kept connection that ends around the instant of its reuse", () => {
  for (const method of ["GET", "PUT"]) {
    it(`A05 costs no ${method} anything`, async () => {
      const { statuses, sightings } = await sweep(method);
      assert.deepEqual(statuses, { 200: TRIALS });
      const [never, once, twice] = sightings;
      assert.deepEqual([never, once! + twice!], [0, TRIALS]);
      assert.ok(twice! > TRIALS / 50, `the sweep met the moment ${twice} times`);
    });
  }

  it("A05 sends no POST twice", async () => {
    const { statuses, sightings } = await sweep("POST");
    assert.equal((statuses["200"] ?? 0) + (statuses["502"] ?? 0), TRIALS);
    const [never, once, twice] = sightings;
    assert.deepEqual([never! + once!, twice], [TRIALS, 0]);
    assert.ok(never! > TRIALS / 50, `the sweep met the moment ${never} times`);
  });
});
