import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { isForwarded, TrustedProxies } from "../../../core/http/client-address.ts";
import { FORWARDED_HOPS_MAX } from "../../../core/limits.ts";

function trusting(...entries: readonly string[]): TrustedProxies {
  return TrustedProxies.compile(entries);
}

describe("the client's address", () => {
  it("is the peer's when nobody is trusted, or not the peer", () => {
    assert.equal(trusting().clientAddress("198.51.100.1", "6.6.6.6"), "198.51.100.1");
    assert.equal(trusting("10.0.0.0/8").clientAddress("198.51.100.1", "6.6.6.6"), "198.51.100.1");
    assert.equal(TrustedProxies.nobody.clientAddress("unix", "6.6.6.6"), "unix");
  });

  it("is the right-most address that is not of a trusted proxy", () => {
    const trusted = trusting("10.0.0.0/8", "unix", "fd00::/8");
    assert.equal(trusted.clientAddress("10.0.0.1", null), "10.0.0.1");
    assert.equal(trusted.clientAddress("10.0.0.1", "198.51.100.7"), "198.51.100.7");
    assert.equal(trusted.clientAddress("10.0.0.1", "6.6.6.6, 198.51.100.7,10.0.0.2\t, 10.0.0.3"), "198.51.100.7");
    assert.equal(trusted.clientAddress("10.0.0.1", "10.0.0.9, 10.0.0.2"), "10.0.0.9");
    assert.equal(trusted.clientAddress("unix", "198.51.100.7"), "198.51.100.7");
    assert.equal(trusted.clientAddress("::ffff:10.0.0.1", "2001:DB8::7, fd00::1"), "2001:db8::7");
  });

  it("reads addresses with ports", () => {
    const trusted = trusting("10.0.0.0/8");
    assert.equal(trusted.clientAddress("10.0.0.1", "198.51.100.7:4711"), "198.51.100.7");
    assert.equal(trusted.clientAddress("10.0.0.1", "[2001:db8::7]:4711"), "2001:db8::7");
    assert.equal(trusted.clientAddress("10.0.0.1", "[2001:db8::7]"), "2001:db8::7");
  });

  it("H09 stops at what is no address", () => {
    const trusted = trusting("10.0.0.0/8", "unix");
    for (const node of [
      "unknown",
      "_hidden",
      "unix",
      '"10.0.0.9"',
      "10.0.0.9:x",
      "[10.0.0.9]",
      "[::1",
      "localhost",
      "10.0.0.9;",
    ]) {
      assert.equal(trusted.clientAddress("10.0.0.1", `6.6.6.6, ${node}, 10.0.0.2`), "10.0.0.2", node);
    }
    assert.equal(trusted.clientAddress("10.0.0.1", ", ,198.51.100.7, ,"), "198.51.100.7");
    assert.equal(trusted.clientAddress("10.0.0.1", ""), "10.0.0.1");
  });

  it("H09 looks at a bounded number of hops", () => {
    const trusted = trusting("10.0.0.0/8");
    const hops = (count: number) => `6.6.6.6${", 10.0.0.5".repeat(count)}`;
    assert.equal(trusted.clientAddress("10.0.0.1", hops(FORWARDED_HOPS_MAX - 1)), "6.6.6.6");
    assert.equal(trusted.clientAddress("10.0.0.1", hops(FORWARDED_HOPS_MAX)), "10.0.0.5");
    assert.equal(trusted.clientAddress("10.0.0.1", hops(10_000)), "10.0.0.5");
  });
});

describe("Forwarded", () => {
  it("may be any list of elements", () => {
    for (const right of [
      "for=192.0.2.1",
      'For="[2001:db8::1]:80" ; proto=https;by=x, for=192.0.2.2',
      "proto=http, for=_hidden, for=unknown, for=1.2.3.4",
      'for="1.2.3.4, for=6.6.6.6"',
      'for="a\\"b"',
    ]) {
      assert.equal(isForwarded(right), true, right);
    }
  });

  it("H09 is nothing beyond its grammar", () => {
    for (const wrong of [
      "",
      'for="1.2.3.4',
      'for="1.2.3.4\\"',
      "for=[::1]:80",
      "for=1.2.3.4 for=6.6.6.6",
      "for",
      "=1.2.3.4",
      "for=",
      "for=1.2.3.4,",
      "for=1.2.3.4;",
      'for="a"b',
      ",for=1.2.3.4",
    ]) {
      assert.equal(isForwarded(wrong), false, wrong);
    }
  });
});
