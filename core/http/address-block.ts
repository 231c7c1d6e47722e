/**
 * Sets of client addresses: single ones, CIDR blocks, and `unix`. Blocks are compiled to four 32-bit words and
 * a mask; a request's address is read from its text into words without making anything. IPv4 is kept as
 * IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), so that `::ffff:10.0.0.1` and `10.0.0.1` are the same address. Blocks
 * of IPv6 hold none of them: whoever writes `::/0` thinks of IPv6, and would let 127.0.0.1 in.
 */

import { COLON, DIGIT_0, DOT, HEX } from "../bytes/ascii.ts";

/** The text by which a client on a UNIX socket is called. */
export const UNIX_CLIENT = "unix";

export interface AddressSet {
  /** Whether the address is in the set; null when the text is no address, so that nothing can be said. */
  has(address: string): boolean | null;
}

/** Of addresses, blocks and `unix`: whatever else is written was to be refused before. */
export function compileAddresses(entries: readonly string[]): AddressSet {
  const blocks = entries
    .filter((entry) => entry !== UNIX_CLIENT)
    .map((entry) => {
      const block = parseBlock(entry);
      if (block === null) throw new Error(`${JSON.stringify(entry)} is neither an IP address nor a block of them`);
      return block;
    });
  return new BlockSet(blocks, entries.includes(UNIX_CLIENT));
}

export function isAddressBlock(text: string): boolean {
  return parseBlock(text) !== null;
}

/** The words of an IP address, or false. Only the usual forms: no octal, no shortened IPv4, no zone. */
export function readAddress(text: string, words: Uint32Array): boolean {
  return text.includes(":") ? readIpv6(text, words) : readIpv4(text, 0, words);
}

/** One spelling per address: dotted IPv4 also for mapped ones, IPv6 as RFC 5952 has it; null if it is none. */
export function canonicalAddress(text: string): string | null {
  const words = new Uint32Array(4);
  if (!readAddress(text, words)) return null;
  if (isMapped(words)) return [24, 16, 8, 0].map((shift) => (words[3]! >>> shift) & 255).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (words[index >> 1]! >>> (index % 2 === 0 ? 16 : 0)) & 0xffff);
  return formatGroups(groups);
}

interface AddressBlock {
  readonly isIpv4: boolean;
  readonly words: Uint32Array;
  readonly masks: Uint32Array;
}

class BlockSet implements AddressSet {
  readonly #ipv4: readonly AddressBlock[];
  readonly #ipv6: readonly AddressBlock[];
  readonly #unix: boolean;
  readonly #scratch = new Uint32Array(4);

  constructor(blocks: readonly AddressBlock[], unix: boolean) {
    this.#ipv4 = blocks.filter(({ isIpv4 }) => isIpv4);
    this.#ipv6 = blocks.filter(({ isIpv4 }) => !isIpv4);
    this.#unix = unix;
  }

  has(address: string): boolean | null {
    if (address === UNIX_CLIENT) return this.#unix;
    const read = this.#scratch;
    if (!readAddress(address, read)) return null;
    for (const { words, masks } of isMapped(read) ? this.#ipv4 : this.#ipv6) {
      const differing =
        ((read[0]! ^ words[0]!) & masks[0]!) |
        ((read[1]! ^ words[1]!) & masks[1]!) |
        ((read[2]! ^ words[2]!) & masks[2]!) |
        ((read[3]! ^ words[3]!) & masks[3]!);
      if (differing === 0) return true;
    }
    return false;
  }
}

function parseBlock(entry: string): AddressBlock | null {
  const slash = entry.indexOf("/");
  const address = slash < 0 ? entry : entry.slice(0, slash);
  const words = new Uint32Array(4);
  if (!readAddress(address, words)) return null;
  const width = address.includes(":") ? 128 : 32;
  const bits = slash < 0 ? width : readPrefixLength(entry.slice(slash + 1));
  if (bits < 0 || bits > width) return null;
  const masks = new Uint32Array(4);
  let left = bits + 128 - width;
  const isIpv4 = isMapped(words) && left >= MAPPED_BITS;
  for (let index = 0; index < 4; index++) {
    const here = Math.min(32, left);
    masks[index] = here === 0 ? 0 : 0xffffffff << (32 - here);
    left -= here;
  }
  return { isIpv4, words, masks };
}

function readPrefixLength(text: string): number {
  return /^(0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
}

function readIpv4(text: string, start: number, words: Uint32Array): boolean {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (octet < 0 || ++dots > 3) return false;
      value = value * 256 + octet;
      octet = -1;
      continue;
    }
    const digit = code - DIGIT_0;
    // A leading zero would be octal to some readers.
    if (digit < 0 || digit > 9 || octet === 0) return false;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return false;
  }
  if (dots !== 3 || octet < 0) return false;
  words[0] = 0;
  words[1] = 0;
  words[2] = 0xffff;
  words[3] = value * 256 + octet;
  return true;
}

/** Up to eight groups of four hexadecimal digits, one `::`, perhaps an IPv4 address at the end (RFC 4291 section 2.2). */
function readIpv6(text: string, words: Uint32Array): boolean {
  words.fill(0);
  let group = 0;
  let gap = -1;
  let index = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    index = 2;
  }
  while (index < text.length) {
    if (group === 8) return false;
    let value = 0;
    const start = index;
    for (; index < text.length && text.charCodeAt(index) !== COLON; index++) {
      const digit = HEX[text.charCodeAt(index)] ?? 255;
      if (digit > 15) {
        if (text.charCodeAt(index) !== DOT) return false;
        return readEmbedded(text, start, group, gap, words);
      }
      if (index - start === 4) return false;
      value = value * 16 + digit;
    }
    if (index === start) return false;
    setGroup(words, group++, value);
    if (index === text.length) break;
    index++;
    if (text.charCodeAt(index) === COLON) {
      if (gap >= 0) return false;
      gap = group;
      index++;
    } else if (index === text.length) return false;
  }
  return closeGap(words, group, gap);
}

function readEmbedded(text: string, start: number, group: number, gap: number, words: Uint32Array): boolean {
  const embedded = new Uint32Array(4);
  if (group > 6 || !readIpv4(text, start, embedded)) return false;
  setGroup(words, group, embedded[3]! >>> 16);
  setGroup(words, group + 1, embedded[3]! & 0xffff);
  return closeGap(words, group + 2, gap);
}

/** Moves the groups behind `::` to the end. */
function closeGap(words: Uint32Array, count: number, gap: number): boolean {
  if (gap < 0) return count === 8;
  if (count > 7) return false;
  for (let from = count - 1, to = 7; from >= gap; from--, to--) {
    const value = (words[from >> 1]! >>> (from % 2 === 0 ? 16 : 0)) & 0xffff;
    setGroup(words, from, 0);
    setGroup(words, to, value);
  }
  return true;
}

function setGroup(words: Uint32Array, group: number, value: number): void {
  const word = group >> 1;
  words[word] = group % 2 === 0 ? (words[word]! & 0xffff) | (value << 16) : (words[word]! & 0xffff0000) | value;
}

/** Of `::ffff:0:0/96`. */
const MAPPED_BITS = 96;

function isMapped(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** The longest run of two or more zero groups becomes `::` (RFC 5952 section 4.2). */
function formatGroups(groups: readonly number[]): string {
  let gap = -1;
  let gapLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > gapLength) {
      gap = start;
      gapLength = end - start;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (gap < 0) return hex.join(":");
  return `${hex.slice(0, gap).join(":")}::${hex.slice(gap + gapLength).join(":")}`;
}
