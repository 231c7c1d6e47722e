import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { copyOutcome, type EndedRequest } from "../../../core/script/finished-request.ts";

describe("how a request went", () => {
  it("is a copy that lives on when the request's memory is another one's", () => {
    let path = "/a";
    const fields: [string, string][] = [
      ["X-A", "1"],
      ["x-a", "2"],
    ];
    const ended = {
      requestId: "id",
      get path() {
        return path;
      },
      fault: { code: "upstream.reset" },
      status: 502,
      forEachField: (use: (name: string, value: string) => void) => {
        for (const [name, value] of fields) use(name, value);
      },
    } as unknown as EndedRequest;
    const outcome = copyOutcome(ended);
    path = "/b";
    fields.length = 0;
    assert.deepEqual([outcome.id, outcome.path, outcome.fault, outcome.status], ["id", "/a", "upstream.reset", 502]);
    assert.equal(outcome.header("X-a"), "1, 2");
    assert.equal(outcome.header("none"), null);
    assert.equal(copyOutcome({ ...ended, fault: null, path: "/" }).fault, "");
  });
});
