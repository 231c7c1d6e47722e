/** Client connections per address: an IPv6 client has a whole /64 to choose addresses from. */

import { readAddress } from "../http/address-block.ts";
import type { TrustedProxies } from "../http/client-address.ts";
import type { Address } from "../runtime.ts";

export class AddressCounts {
  readonly #counts = new Map<string, number>();
  readonly #words = new Uint32Array(4);

  /** Addresses that hold a connection now. */
  get size(): number {
    return this.#counts.size;
  }

  /**
   * Counts a connection of `peer` and answers under which key, for `leave`; null when `max` are there already. Counted
   * without a limit, too: one that a reload brings, maybe because somebody has too many, goes by all there are. What is
   * not counted (a UNIX socket, a trusted proxy, behind which are many clients) has the key `""`.
   */
  enter(peer: Address, max: number, trusted: TrustedProxies): string | null {
    if (peer.kind === "unix" || trusted.trusts(peer.host)) return "";
    const key = this.#keyOf(peer.host);
    const count = this.#counts.get(key) ?? 0;
    if (count >= max) return null;
    this.#counts.set(key, count + 1);
    return key;
  }

  leave(key: string): void {
    if (key === "") return;
    const count = this.#counts.get(key)!;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }

  #keyOf(host: string): string {
    const words = this.#words;
    if (!readAddress(host, words)) return host;
    const isIpv4 = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    return isIpv4 ? String(words[3]) : `${words[0]} ${words[1]}`;
  }
}
