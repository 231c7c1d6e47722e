import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { strayError } from "../../cli/stray-error.ts";

const withStack = (stack: unknown): Error => Object.assign(new Error("an odd stack"), { stack });
const no = (): never => {
  throw new Error("no");
};
const nowhere = { placeOf: () => null, size: 0 };

describe("an error nobody waits for", () => {
  it("is told with its place in code of the configuration, or with its stack", () => {
    const error = withStack("Error: an odd stack\n    at a.ts:1:2");
    assert.equal(
      strayError(error, { placeOf: () => "hooks.ts:3:4", size: 1 }),
      'uncaught in code of the configuration, at hooks.ts:3:4: "an odd stack"',
    );
    assert.match(
      strayError(error, nowhere),
      /^internal defect, please report it: "Error: an odd stack \| +at a\.ts:1:2"$/,
    );
  });

  it("is no defect of ours where code of a configuration runs and no frame is ours", () => {
    const withCode = { ...nowhere, size: 1 };
    const own = new URL("../../core/proxy.ts:1:2", import.meta.url).href;
    const packaged = new URL("../../parts/chunk-A.js:1:2", import.meta.url).href;
    for (const [error, told] of [
      ["text", /^uncaught, and not in Millrace: .* text$/],
      [
        withStack("Error: connect ECONNREFUSED\n    at afterConnect (node:net:1:2)"),
        /^uncaught, and not in Millrace: /,
      ],
      [withStack("Error: read\n    at /srv/node_modules/redis/dist/core/a.js:1:2"), /^uncaught, and not in Millrace: /],
      [
        withStack(`Error: ours\n    at node:net:1:2\n    at f (${own})`),
        /^internal defect, please report it: "Error: ours/,
      ],
      [withStack(`Error: ours\n    at f (${packaged})`), /^internal defect, please report it: "Error: ours/],
    ] as const)
      assert.match(strayError(error, withCode), told);
    assert.match(strayError("text", nowhere), /^internal defect/);
  });

  it("is told whatever it is, for what throws here ends the process", () => {
    const trapped = new Proxy({}, { get: no, has: no, getPrototypeOf: no });
    const getter = Object.defineProperty(new Error("x"), "stack", { get: no });
    const told = [
      null,
      undefined,
      "text",
      Symbol("s"),
      withStack(5),
      withStack({}),
      getter,
      trapped,
      Object.create(null),
    ];
    assert.deepEqual(
      told.map((error) => strayError(error, nowhere).replace(/^.*?: /, "")),
      [
        "null",
        "undefined",
        "text",
        "Symbol(s)",
        '"an odd stack"',
        '"an odd stack"',
        "x",
        '"something that cannot be shown"',
        '"something that cannot be shown"',
      ],
    );
  });
});
