import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { tcpAddress, toSocketError } from "../../adapters/socket-error.ts";

it("errors of the runtimes have the port's codes, by their own code or the name of their class", () => {
  const code = (error: object) => toSocketError(error).code;
  assert.equal(code({ code: "ECONNABORTED", message: "x" }), "ECONNRESET");
  assert.equal(code({ code: "ENFILE", message: "x" }), "ENFILE");
  assert.equal(code({ name: "NotCapable", message: 'Requires net access to "127.0.0.1:1"' }), "EDENIED");
  assert.equal(code({ name: "PermissionDenied", message: "x" }), "EACCES");
  assert.equal(code({ name: "TimedOut", code: undefined }), "ETIMEDOUT");
  assert.deepEqual(toSocketError(new Error("something else")), { code: "EUNKNOWN", message: "something else" });
});

it("peers have one address, however a runtime tells of it", () => {
  for (const [host, address] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:0:1", "::ffff:0:1"],
    ["fe80::1%eth0", "fe80::1"],
    [undefined, ""],
  ] as const)
    assert.deepEqual(tcpAddress(host, 5), { kind: "tcp", host: address, port: 5 });
});
