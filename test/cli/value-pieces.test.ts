import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { putTogether, takeApart } from "../../cli/value-pieces.ts";

const routes = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `r${i}`, respond: {} }));
const upstreams = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`u${i}`, { servers: [`:${i + 1}`] }]));

describe("what was read, in pieces", () => {
  for (const [what, value, count] of [
    ["something else", 5, 0],
    ["nothing", null, 0],
    ["a list", [1], 0],
    ["a map without either", { listeners: [":80"] }, 0],
    ["empty ones", { routes: [], upstreams: {} }, 0],
    ["what is none", { routes: "all", upstreams: null }, 0],
    ["a few", { listeners: [":80"], routes: routes(3), upstreams: upstreams(2) }, 2],
    ["100", { routes: routes(100) }, 1],
    ["101", { routes: routes(101), upstreams: upstreams(101), via: false }, 4],
  ] as const) {
    it(`are put together to the same: ${what}`, () => {
      const apart = takeApart(value);
      assert.equal(apart.pieces.length, count);
      assert.deepEqual(putTogether(structuredClone(apart)), value);
    });
  }
});
