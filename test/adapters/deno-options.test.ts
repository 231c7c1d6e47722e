import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { libc } from "../../adapters/deno-libc.ts";
import { share } from "../../adapters/deno-options.ts";

// Linux' numbers.
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

(libc === null ? it.ignore : it)("a listener of IPv6 takes IPv4, too, where the system would have it otherwise", () => {
  const listener = libc!.socket(AF_INET6, SOCK_STREAM, 0);
  // As with net.ipv6.bindv6only.
  libc!.setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, new Int32Array([1]), 4);
  share(listener, false);
  const isOnly = new Int32Array([-1]);
  libc!.getsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, isOnly, new Uint32Array([4]));
  libc!.close(listener);
  assert.equal(isOnly[0], 0);
});
