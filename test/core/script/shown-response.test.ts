import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ShownResponse } from "../../../core/script/shown-response.ts";

describe("a response as hooks see it", () => {
  it("has fields by name, as many as there are", () => {
    const fields = [
      { name: "Set-Cookie", value: "a=1" },
      { name: "X-A", value: "1" },
      { name: "set-cookie", value: "b=2" },
    ];
    const response = new ShownResponse({ status: 200, upstream: "app", server: "s", attempts: 2, fields });
    assert.equal(response.header("x-a"), "1");
    assert.equal(response.header("x-b"), null);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(response.headers, response.headers);
  });
});
