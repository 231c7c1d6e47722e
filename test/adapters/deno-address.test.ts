import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { addressIn, nameOf } from "../../adapters/deno-address.ts";
import { errorOf } from "../../adapters/deno-errno.ts";
import { libc } from "../../adapters/deno-libc.ts";

const name = (host: string, port = 8080) => nameOf({ kind: "tcp", host, port });

describe("addresses as the kernel has them", { ignore: libc === null }, () => {
  for (const host of ["127.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::", "2001:db8::1:0:0:1"]) {
    it(`come back as they were: ${host}`, () => {
      for (const port of [1, 255, 256, 65535]) {
        assert.deepEqual(addressIn(name(host, port) as Uint8Array), { kind: "tcp", host, port });
      }
    });
  }

  it("are plain IPv4 behind a listener for both kinds", () => {
    const host = "10.1.2.3";
    assert.deepEqual(addressIn(name(`::ffff:${host}`) as Uint8Array), { kind: "tcp", host, port: 8080 });
  });

  it("are none for names, zones and what is cut", () => {
    for (const host of ["localhost", "fe80::1%lo", "127.0.0", "127.0.0.1.", ""]) assert.equal(name(host), null);
  });
});

describe("an error of the kernel", () => {
  it("has the port's word, and its name or number", () => {
    assert.deepEqual(errorOf(104, "recv"), { code: "ECONNRESET", message: "recv: ECONNRESET" });
    assert.deepEqual(errorOf(71, "accept"), { code: "EUNKNOWN", message: "accept: EPROTO" });
    assert.deepEqual(errorOf(524, "send"), { code: "EUNKNOWN", message: "send: error 524" });
    assert.deepEqual(errorOf(0, "poll"), { code: "EUNKNOWN", message: "poll: error 0" });
  });
});
