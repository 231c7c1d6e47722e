import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { EDITED_FIELDS_MAX } from "../../../core/limits.ts";
import { checkEdits, NO_EDITS } from "../../../core/script/check-edits.ts";

const refuses = (edits: unknown, why: RegExp) => assert.throws(() => checkEdits(edits), why);

describe("changes to fields", () => {
  it("drop first, then add", () => {
    assert.deepEqual(checkEdits({ set: { "X-A": "1" }, add: { "X-B": ["2", "3"], "X-C": "4" }, remove: ["X-D"] }), {
      drop: ["x-d", "x-a"],
      add: [
        ["X-A", "1"],
        ["X-B", "2"],
        ["X-B", "3"],
        ["X-C", "4"],
      ],
    });
    assert.equal(checkEdits(undefined), NO_EDITS);
    assert.equal(checkEdits(null), NO_EDITS);
    assert.deepEqual(checkEdits({ remove: "X-A" }).drop, ["x-a"]);
  });

  it("never touch what frames a message or belongs to one connection", () => {
    for (const name of ["Content-Length", "transfer_encoding", "Connection", "Upgrade", "Host", "TE"])
      refuses({ set: { [name]: "x" } }, /cannot be changed/);
    refuses({ remove: ["content-length"] }, /cannot be changed/);
    refuses({ set: { HOST: "b" } }, /own `host`; onRequest and decide may answer \{ host: "…" \} instead/);
  });

  it("are refused where they would be no field", () => {
    refuses({ set: { "X A": "x" } }, /no field name/);
    refuses({ set: { "": "x" } }, /no field name/);
    refuses({ set: { X: "a\r\nEvil: 1" } }, /U\+000d/);
    refuses({ set: { X: "\u20ac" } }, /U\+20ac/);
    refuses({ set: { X: 5 } }, /a number; give a text/);
    refuses({ remove: 5 }, /headers.remove is a number/);
    refuses([], /headers is a list/);
    refuses({ sett: {} }, /headers.sett is not known/);
  });

  it("are refused in what holds its fields elsewhere, where they would be lost", () => {
    refuses(
      { set: new Headers({ "X-A": "1" }) },
      /^TypeError: headers\.set is an object \(Headers\); write headers as/,
    );
    refuses({ set: new Map([["X-A", "1"]]) }, /headers\.set is an object \(Map\)/);
    refuses({ add: new URLSearchParams("a=1") }, /headers\.add is an object \(URLSearchParams\)/);
    assert.deepEqual(checkEdits({ set: {}, add: Object.create(null) }), NO_EDITS);
    class Own {
      "X-A" = "1";
    }
    assert.deepEqual(checkEdits({ set: new Own() }), checkEdits({ set: { "X-A": "1" } }));
  });

  it("do not show values, which may be secrets", () => {
    assert.throws(
      () => checkEdits({ set: { Authorization: "Bearer canary\n" } }),
      (error: Error) => !error.message.includes("canary"),
    );
  });

  it("are bounded", () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-${i}`, "1"]));
    assert.equal(checkEdits({ add: many(EDITED_FIELDS_MAX) }).add.length, EDITED_FIELDS_MAX);
    refuses({ add: many(EDITED_FIELDS_MAX + 1) }, /more than/);
  });

  it("are a map", () => {
    refuses("x", /headers is a string/);
    refuses(new Map([["set", {}]]), /headers is an object \(Map\)/);
  });
});
