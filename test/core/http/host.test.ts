import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { endOfHostName, hostText, portText } from "../../../core/http/host.ts";
import { bytesOfText } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

/** `name` and `port` as routes see them; null when it is no host. Looked at between other bytes. */
function read(text: string): readonly [string, string] | null {
  const bytes = bytesOfText(`1${text}1`);
  const end = text.length + 1;
  if (endOfHostName(bytes, 1, end) === -1) {
    assert.deepEqual([hostText(bytes, 1, end), portText(bytes, 1, end)], ["", ""], text);
    return null;
  }
  return [hostText(bytes, 1, end), portText(bytes, 1, end)];
}

function check(text: string, name: string | null, port = ""): void {
  assert.deepEqual(read(text), name === null ? null : [name, port], JSON.stringify(text));
}

describe("host names", () => {
  it("are lower case, without port and trailing dot (T14)", () => {
    check("a", "a");
    check("A.Example", "a.example");
    check("a.example.", "a.example");
    check("a.example.:8080", "a.example", "8080");
    check("xn--bcher-kva.example", "xn--bcher-kva.example");
    check("a_b-c~1", "a_b-c~1");
    check("127.0.0.1:80", "127.0.0.1", "80");
  });

  it("have a port from 0 to 65535, or an empty one (T02)", () => {
    check("a:", "a");
    check("a:0", "a", "0");
    check("a:65535", "a", "65535");
    check("a:00080", "a", "00080");
    for (const port of ["65536", "98777", "99999999999999999999", "x", "80x", "-1", "+80", " 80", "80:90", "0x50"]) {
      check(`a:${port}`, null);
    }
    check("www.example.com:x", null);
  });

  it("have no empty label and no byte with a meaning elsewhere (T02)", () => {
    for (const text of ["", ":80", ".", "..a", "a..", "a..b", ".a", "a b", "a/b", "a\\b", "u@a", "a,b", "a#b", "a?b"]) {
      check(text, null);
    }
    for (const text of [
      "a\x02",
      "a\0",
      "google.com\0.evil",
      "a%41",
      "a\xe9",
      "\xe2\x84\xaa",
      "a;b",
      "a'b",
      " a",
      "a ",
    ]) {
      check(text, null);
    }
  });

  it("have at most 255 bytes and a port", () => {
    const name = (length: number): string => "a".repeat(length);
    check(`${name(255)}:65535`, name(255), "65535");
    check(name(261), name(261));
    check(name(262), null);
    check(`${name(256)}:65535`, null);
  });
});

describe("IPv6 addresses", () => {
  it("stand in brackets", () => {
    check("[::1]", "[::1]");
    check("[::1]:80", "[::1]", "80");
    check("[2001:DB8::1]:", "[2001:db8::1]");
    check("[::]", "[::]");
    check("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]");
    for (const text of ["[::1", "::1", "[::1].", "x[::1]", "[::1]x", "[v1.x]", "[]", "[", "[::1]]", "[::1%eth0]"]) {
      check(text, null);
    }
  });

  it("are what everybody else takes for one", () => {
    for (const text of ["::g", ":1::2", "1::2:", "1:", "::1:", "1:::2", ":::", "1::2::3", ":", "12345::"]) {
      check(`[${text}]`, null);
    }
    for (const text of [
      "192.0.2.1",
      "1:2:192.0.2.1",
      "1:2:3:4:5:6:7:192.0.2.1",
      "::1.2.3",
      "::1.2.3.4.5",
      "::1.2.3.256",
    ]) {
      check(`[${text}]`, null);
    }
    check("[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:c000:201]");
    check("[1:2:3:4:5::192.0.2.1]", "[1:2:3:4:5:0:c000:201]");
  });

  it("are one host however they are written", () => {
    for (const text of ["[2001:db8::1]", "[2001:DB8:0::1]", "[2001:0db8:0:0:0:0:0:1]", "[2001:db8::0.0.0.1]"])
      check(text, "[2001:db8::1]");
    for (const text of ["[::ffff:192.0.2.1]", "[::ffff:c000:201]", "[0::FFFF:192.0.2.1]"])
      check(text, "[::ffff:192.0.2.1]");
    check("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]", "80");
  });

  it("agree with the runtime's judgement", () => {
    const group = fc.constantFrom("0", "1", "db8", "ffff", "12345", "", "g", "1.2.3.4", "1.2.3", ":");
    alwaysHolds(
      fc.property(fc.array(group, { minLength: 1, maxLength: 10 }), (groups) => {
        const text = groups.join(":");
        assert.equal(read(`[${text}]`) !== null, isIPv6(text), text);
      }),
      3_000,
    );
  });
});
