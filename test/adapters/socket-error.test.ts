import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { toSocketError } from "../../adapters/socket-error.ts";

it("errors of the runtimes have the port's codes, by their own code or the name of their class", () => {
  const code = (error: object) => toSocketError(error).code;
  assert.equal(code({ code: "ECONNABORTED", message: "x" }), "ECONNRESET");
  assert.equal(code({ name: "NotCapable", message: 'Requires net access to "127.0.0.1:1"' }), "EDENIED");
  assert.equal(code({ name: "PermissionDenied", message: "x" }), "EACCES");
  assert.equal(code({ name: "TimedOut", code: undefined }), "ETIMEDOUT");
  assert.deepEqual(toSocketError(new Error("something else")), { code: "EUNKNOWN", message: "something else" });
});
