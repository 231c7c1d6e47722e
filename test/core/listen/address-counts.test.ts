import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { TrustedProxies } from "../../../core/http/client-address.ts";
import { AddressCounts } from "../../../core/listen/address-counts.ts";
import type { Address } from "../../../core/runtime.ts";

const from = (host: string): Address => ({ kind: "tcp", host, port: 1 });

function countsOf(max: number, trusted = TrustedProxies.nobody) {
  const counts = new AddressCounts();
  return { counts, enter: (address: Address) => counts.enter(address, max, trusted) };
}

describe("connections per address", () => {
  it("are counted up to the limit, others unaffected, and forgotten when they end", () => {
    const { counts, enter } = countsOf(2);
    const first = enter(from("192.0.2.1"));
    enter(from("192.0.2.1"));
    assert.equal(enter(from("192.0.2.1")), null);
    assert.notEqual(enter(from("192.0.2.2")), null);
    counts.leave(first!);
    assert.notEqual(enter(from("192.0.2.1")), null);
    assert.equal(enter(from("192.0.2.1")), null);
    for (const host of ["192.0.2.1", "192.0.2.1", "192.0.2.2"]) counts.leave(keyLike(host));
    assert.equal(counts.size, 0);
  });

  it("know an IPv4 client on a dual-stack listener", () => {
    const { enter } = countsOf(1);
    assert.notEqual(enter(from("::ffff:192.0.2.1")), null);
    assert.equal(enter(from("192.0.2.1")), null);
  });

  it("take all of a /64 for one, and the next /64 for another", () => {
    const { enter } = countsOf(1);
    assert.notEqual(enter(from("2001:db8:0:1::1")), null);
    assert.equal(enter(from("2001:db8:0:1:ffff:ffff:ffff:ffff")), null);
    assert.notEqual(enter(from("2001:db8:0:2::1")), null);
    assert.notEqual(enter(from("2001:db8:1:1::1")), null);
  });

  it("leave out UNIX sockets and trusted proxies", () => {
    const { counts, enter } = countsOf(1, TrustedProxies.compile(["10.0.0.0/8"]));
    for (let i = 0; i < 3; i++) {
      assert.equal(enter({ kind: "unix", path: "/a" }), "");
      assert.equal(enter(from("10.1.2.3")), "");
    }
    counts.leave("");
    assert.equal(counts.size, 0);
  });

  it("are counted without a limit, too: it may come later", () => {
    const { counts, enter } = countsOf(Number.POSITIVE_INFINITY);
    const keys = Array.from({ length: 3 }, () => enter(from("192.0.2.1")));
    assert.equal(counts.enter(from("192.0.2.1"), 3, TrustedProxies.nobody), null);
    for (const key of keys) counts.leave(key!);
    assert.equal(counts.size, 0);
  });
});

function keyLike(host: string): string {
  return String(host.split(".").reduce((value, octet) => value * 256 + Number(octet), 0));
}
