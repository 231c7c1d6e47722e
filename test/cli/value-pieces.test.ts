import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { hasCode, putTogether, takeApart } from "../../cli/value-pieces.ts";

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

describe("what cannot be sent to another thread", () => {
  it("is a function, or what is more than a list or a map, however deep", () => {
    for (const code of [() => {}, { routes: [{ mount: { fetch() {} } }] }, [new Map()], { at: new Date() }])
      assert.ok(hasCode(code));
  });

  it("is not text, numbers, lists and maps of them, though they hold each other", () => {
    const circle: Record<string, unknown> = { via: false, limits: null, keep: 1_000 };
    circle["routes"] = [{ id: "a", all: circle }, circle];
    for (const value of ["text", 5, null, undefined, [], {}, circle]) assert.ok(!hasCode(value));
  });
});
