import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { canonicalAddress, compileAddresses, isAddressBlock } from "../../../core/http/address-block.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

function has(entries: readonly string[], address: string): boolean | null {
  return compileAddresses(entries).has(address);
}

const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((octets) => octets.join("."));
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16)).join(":"));

describe("address sets", () => {
  it("hold blocks and single addresses of both families", () => {
    assert.equal(has(["10.0.0.0/8"], "10.255.0.1"), true);
    assert.equal(has(["10.0.0.0/8"], "11.0.0.1"), false);
    assert.equal(has(["192.0.2.7"], "192.0.2.7"), true);
    assert.equal(has(["192.0.2.7"], "192.0.2.8"), false);
    assert.equal(has(["fd00::/8"], "fdff::1"), true);
    assert.equal(has(["fd00::/8"], "fe00::1"), false);
    assert.equal(has(["0.0.0.0/0"], "203.0.113.9"), true);
    assert.equal(has(["0.0.0.0/0"], "2001:db8::1"), false);
    assert.equal(has(["::/0"], "2001:db8::1"), true);
    assert.equal(has(["128.0.0.0/1"], "127.255.255.255"), false);
    assert.equal(has([], "127.0.0.1"), false);
  });

  it("take IPv4-mapped addresses for the IPv4 ones they are", () => {
    assert.equal(has(["10.0.0.0/8"], "::ffff:10.1.2.3"), true);
    assert.equal(has(["10.0.0.0/8"], "::ffff:a01:203"), true);
    assert.equal(has(["::ffff:10.0.0.0/104"], "10.1.2.3"), true);
    assert.equal(has(["::ffff:0:0/90"], "10.1.2.3"), false);
    for (const wide of ["::/0", "::/1", "::/80"]) {
      for (const address of ["127.0.0.1", "::ffff:127.0.0.1"]) assert.equal(has([wide], address), false, wide);
      assert.equal(has([wide], "::1"), true, wide);
    }
  });

  it("know UNIX sockets by name, and can't tell of anything else", () => {
    assert.equal(has(["unix"], "unix"), true);
    assert.equal(has(["10.0.0.0/8"], "unix"), false);
    for (const text of [
      "",
      "unknown",
      "10.0.0",
      "10.0.0.256",
      "010.0.0.1",
      "0x7f.0.0.1",
      "1.2.3.4.5",
      "1.2.3.4 ",
      "::1%lo",
      ":::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "::12345",
      "1::2::3",
      ":1",
      "1:",
      "::1.2.3",
      "1:2:3:4:5:6:7:1.2.3.4",
      "\u0661.1.1.1",
    ]) {
      assert.equal(has(["0.0.0.0/0", "::/0"], text), null, text);
    }
  });

  it("say which entry is wrong", () => {
    for (const wrong of [
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/-1",
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "host",
      "",
    ]) {
      assert.ok(!isAddressBlock(wrong), wrong);
      assert.throws(() => compileAddresses(["10.0.0.1", wrong]), / is neither an IP address nor a block/);
    }
  });

  it("agree with ipaddr.js about blocks", () => {
    alwaysHolds(
      fc.property(
        fc.oneof(fc.tuple(ipv4, ipv4, fc.nat(32)), fc.tuple(ipv6, ipv6, fc.nat(128))),
        ([block, address, bits]) => {
          // Whether a mapped address begins a block of IPv4 or of IPv6 is a matter of taste.
          fc.pre(ipaddr.process(block).kind() === ipaddr.parse(block).kind());
          // Half of the addresses begin like the block, or hardly any would be inside.
          const tried = bits % 2 === 0 ? block : address;
          const range = ipaddr.parseCIDR(`${block}/${bits}`) as [ipaddr.IPv4, number];
          const parsed = ipaddr.parse(tried) as ipaddr.IPv4;
          const wanted = ipaddr.process(tried).kind() === ipaddr.process(block).kind() && parsed.match(range);
          return has([`${block}/${bits}`], tried) === wanted;
        },
      ),
    );
  });

  it("agree with ipaddr.js about the canonical spelling", () => {
    alwaysHolds(
      fc.property(fc.oneof(ipv4, ipv6), (text) => canonicalAddress(text) === ipaddr.process(text).toString()),
    );
    assert.equal(canonicalAddress("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
    assert.equal(canonicalAddress("::"), "::");
    assert.equal(canonicalAddress("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
    assert.equal(canonicalAddress("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(canonicalAddress("nonsense"), null);
  });
});
