import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  addressBlockProblem,
  addressText,
  parseListenAddress,
  parseServerAddress,
} from "../../../core/config/address.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });

describe("addresses to listen on", () => {
  const right: [string, unknown][] = [
    ["127.0.0.1:8080", tcp("127.0.0.1", 8080)],
    [":8080", tcp("", 8080)],
    ["*:8080", tcp("", 8080)],
    ["localhost:8080", tcp("127.0.0.1", 8080)],
    ["[::1]:0", tcp("::1", 0)],
    ["unix:/run/millrace.sock", { kind: "unix", path: "/run/millrace.sock" }],
  ];
  for (const [text, address] of right) it(`reads ${text}`, () => assert.deepEqual(parseListenAddress(text), address));

  const wrong: [string, RegExp][] = [
    ["", /empty/],
    ["8080", /":8080"/],
    ["127.0.0.1", /no port.*"127.0.0.1:8080"/],
    ["::1", /"\[::1\]:8080"/],
    ["::1:9001", /in brackets, then the port, such as "\[::1\]:8080"/],
    ["example.com:80", /cannot listen on a name/],
    ["http://127.0.0.1:80", /leave out the "http:\/\/"/],
    ["127.0.0.1:65536", /65535/],
    ["127.1:80", /not an IPv4/],
    ["0x7f.1:80", /not an IPv4/],
    ["0177.0.0.1:80", /not an IPv4/],
    ["1.2.3.4.5:80", /not an IPv4/],
    ["/run/x.sock", /unix:\/run\/x.sock/],
    ["unix:", /needs a path/],
    [`unix:/${"x".repeat(107)}`, /107 bytes/],
    ["127.0.0.1:80\n", /not an address/],
    ["127.0.0.1:-1", /not an address; write "127.0.0.1:8080", ":8080", "\[::1\]:8080" or "unix:\/run\/x.sock"$/],
    ["https://127.0.0.1:443", /^asks for TLS, which there is not yet$/],
    [":$PORT", /for an environment variable write "\$\{env:PORT\}"/],
    ["$" + "{PORT}", /for an environment variable write "\$\{env:PORT\}"/],
    [":80;", /leave out the ";"/],
    ["127.0.0.1:80 reuseport", /write \{ address: "127.0.0.1:80", … \}/],
  ];
  for (const [text, message] of wrong) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.match((parseListenAddress(text) as { problem: string }).problem, message);
    });
  }

  it("takes a path of 107 bytes, the most a socket address holds", () => {
    assert.equal("problem" in parseListenAddress(`unix:/${"x".repeat(106)}`), false);
  });
});

describe("addresses of servers", () => {
  it("takes names and IP addresses with a port", () => {
    assert.deepEqual(parseServerAddress("App2.internal:9002"), tcp("app2.internal", 9002));
    assert.deepEqual(parseServerAddress("[fd00::1]:9000"), tcp("fd00::1", 9000));
  });

  for (const [text, message] of [
    [":9000", /127.0.0.1:9000/],
    ["127.0.0.1:0", /port 0/],
    ["9000", /"127.0.0.1:9000"/],
    ["a/b:80", /not a host name/],
    ["-a:80", /not a host name/],
    ["a:b", /not an address; write "127.0.0.1:9000", "\[::1\]:9000", "app.internal:9000" or "unix:\/run\/x.sock"$/],
    ["https://app.internal", /^asks for TLS, which there is not yet$/],
    ["$" + "{ENV:APP:-a:80}", /for an environment variable write "\$\{env:APP\}"/],
    ["a:80 weight=2", /write \{ address: "a:80", … \} for more than an address/],
  ] as const) {
    it(`refuses ${text}`, () => assert.match((parseServerAddress(text) as { problem: string }).problem, message));
  }

  it("are written as they were read", () => {
    for (const text of ["127.0.0.1:80", "[::1]:80", "unix:/run/x.sock"]) {
      const address = parseServerAddress(text);
      assert.equal("problem" in address ? "" : addressText(address), text);
    }
  });
});

/** Addresses to ipaddr.js, and none to what compares them with those of clients: a zone, octal numbers. */
const NOT_READ = ["fe80::1%eth0", "fe80::1%eth0/64", "::ffff:010.0.0.1", "::ffff:010.0.0.1/128"];

describe("address blocks", () => {
  for (const text of ["192.0.2.7", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0"]) {
    it(`takes ${text}`, () => assert.equal(addressBlockProblem(text), null));
  }
  for (const text of [
    "",
    "x",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "fd00::/129",
    "127.1",
    "10.0.0.0/8/8",
    ...NOT_READ,
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.notEqual(addressBlockProblem(text), null));
  }
});
