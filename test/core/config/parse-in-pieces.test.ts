import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { parsingInPieces } from "../../../core/config/parse-in-pieces.ts";
import { ConfigSchema } from "../../../core/config/schema.ts";
import { allAtOnce } from "../../../core/time/steps.ts";

const GOOD = {
  listeners: ["127.0.0.1:80"],
  upstreams: { a: { servers: ["127.0.0.1:81"] }, "7": { servers: ["127.0.0.1:82"], slowStart: "5s" } },
  routes: [{ upstream: "a" }, { match: { path: "/x" }, upstream: "7" }, { respond: { body: "x" } }],
  limits: { target: 100 },
};

describe("parsing in pieces", () => {
  for (const [what, config] of Object.entries({
    everything: GOOD,
    "no upstreams": { listeners: [":80"], routes: [{ respond: {} }] },
  })) {
    it(`gives what parsing at once gives: ${what}`, () => {
      assert.deepEqual(allAtOnce(parsingInPieces(config)), v.parse(ConfigSchema, config));
    });
  }

  it("takes a step for each upstream and route", () => {
    assert.ok([...parsingInPieces(GOOD)].length >= 5);
  });

  for (const [what, config] of Object.entries({
    "no map": 5,
    "nothing at all": {},
    "no routes": { ...GOOD, routes: [] },
    "the first route": { ...GOOD, routes: [{ upstream: 1 }, ...GOOD.routes] },
    "the last route": { ...GOOD, routes: [...GOOD.routes, { upstrem: "a" }] },
    "an upstream": { ...GOOD, upstreams: { a: {} } },
    "the name of an upstream": { ...GOOD, upstreams: { "a b": { servers: ["127.0.0.1:81"] } } },
    "a name that is not allowed": { ...GOOD, upstreams: JSON.parse('{ "__proto__": { "servers": [":81"] } }') },
    "a list of upstreams": { ...GOOD, upstreams: [] },
    "anything else": { ...GOOD, limitz: {} },
  })) {
    it(`leaves it to a look at the whole what is wrong: ${what}`, () => {
      assert.equal(allAtOnce(parsingInPieces(config)), null);
    });
  }
});
