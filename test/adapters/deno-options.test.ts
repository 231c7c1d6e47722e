import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { libc } from "../../adapters/deno-libc.ts";
import { share, tune } from "../../adapters/deno-options.ts";

// Linux' numbers.
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const own = libc === null ? it.ignore : it;

function optionOf(descriptor: number, level: number, name: number): number {
  const value = new Int32Array([-1]);
  libc!.getsockopt(descriptor, level, name, value, new Uint32Array([value.byteLength]));
  return value[0] as number;
}

own("a listener of IPv6 takes IPv4, too, where the system would have it otherwise", () => {
  const listener = libc!.socket(AF_INET6, SOCK_STREAM, 0);
  // As with net.ipv6.bindv6only.
  libc!.setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, new Int32Array([1]), 4);
  share(listener, false);
  const isOnly = optionOf(listener, IPPROTO_IPV6, IPV6_V6ONLY);
  libc!.close(listener);
  assert.equal(isOnly, 0);
});

own("a peer that does not answer is given up after ten seconds, as on Node and Bun", () => {
  const connection = libc!.socket(AF_INET6, SOCK_STREAM, 0);
  tune(connection, 60_000);
  const options = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((name) => optionOf(connection, IPPROTO_TCP, name));
  libc!.close(connection);
  assert.deepEqual(options, [60, 1, 10]);
});
