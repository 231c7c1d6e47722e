import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { bytesOf } from "../../../core/bytes/text.ts";
import { RequestChanges } from "../../../core/exchange/request-changes.ts";
import { Fields } from "../../../core/http/fields.ts";
import { checkEdits } from "../../../core/script/check-edits.ts";

function fields(): Fields {
  const made = new Fields();
  made.bytes = bytesOf("X-A: 1\r\n");
  made.add(0, 3, 5, 6);
  return made;
}

describe("what hooks have changed", () => {
  it("is seen in the order it was asked for", () => {
    const changes = new RequestChanges();
    assert.equal(changes.value("x-a", fields()), "1");
    changes.edit(checkEdits({ add: { "X-A": "2" } }));
    assert.equal(changes.value("x-a", fields()), "1, 2");
    changes.edit(checkEdits({ set: { "x-a": "3" } }));
    assert.equal(changes.value("x-a", fields()), "3");
    changes.edit(checkEdits({ remove: "X-A" }));
    assert.equal(changes.value("x-a", fields()), null);
  });

  it("is one more cookie, not a part of the one before", () => {
    const changes = new RequestChanges();
    for (const Cookie of ["a=1", "b=2"]) changes.edit(checkEdits({ add: { Cookie } }));
    assert.equal(changes.value("cookie", fields()), "a=1; b=2");
  });

  it("is what was decided, behind what was asked for before", () => {
    const changes = new RequestChanges();
    changes.decide("decided", checkEdits({ set: { "X-A": "decided" } }));
    changes.edit(checkEdits({ set: { "X-A": "asked" } }));
    assert.equal(changes.value("x-a", fields()), "decided");
    assert.deepEqual([changes.host, changes.sentHost], ["decided", "decided"]);
    changes.decide(null, checkEdits({}));
    assert.deepEqual([changes.sentHost, changes.decidedEdits.length], ["decided", 1]);
  });

  it("keeps nothing of what changes nothing", () => {
    const changes = new RequestChanges();
    changes.edit(checkEdits({}));
    assert.equal(changes.edits.length, 0);
  });
});
