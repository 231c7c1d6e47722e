import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { FOUND_SERVERS_MAX } from "../../../core/limits.ts";
import { OperatorWords } from "../../../core/upstream/operator-words.ts";
import { serverOf } from "./definitions.ts";

const server = serverOf("10.0.0.1:9000");

describe("an operator's words", () => {
  it("hold for an address until the configuration says something else", () => {
    const words = new OperatorWords(null);
    assert.equal(words.find(server), null);
    words.keep(server, "maintenance");
    assert.equal(words.find({ ...server, weight: 5 }), "maintenance");
    assert.equal(words.find(serverOf("10.0.0.2:9000")), null);
    assert.equal(words.find({ ...server, state: "drain" }), null);
    assert.equal(words.find(server), null, "nor again when it says what it did");
  });

  it("are not kept when they are the configuration's", () => {
    const words = new OperatorWords(null);
    words.keep({ ...server, state: "drain" }, "ready");
    assert.equal(words.find({ ...server, state: "drain" }), "ready");
    words.keep({ ...server, state: "drain" }, "drain");
    assert.equal(words.find({ ...server, state: "drain" }), null);
  });

  it("pass to a successor, which forgets for itself", () => {
    const words = new OperatorWords(null);
    words.keep(server, "drain");
    const next = new OperatorWords(words);
    assert.equal(next.find({ ...server, state: "drain" }), null);
    assert.deepEqual([words.find(server), next.find(server)], ["drain", null]);
  });

  it(`are ${FOUND_SERVERS_MAX} at most, the latest`, () => {
    const words = new OperatorWords(null);
    for (let port = 1; port <= FOUND_SERVERS_MAX + 1; port++) words.keep(serverOf(`10.0.0.1:${port}`), "drain");
    const found = [1, 2, FOUND_SERVERS_MAX + 1].map((port) => words.find(serverOf(`10.0.0.1:${port}`)));
    assert.deepEqual(found, [null, "drain", "drain"]);
  });
});
