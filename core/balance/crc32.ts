/** CRC-32 (IEEE 802.3), in steps: of hashes, the one that memcached clients and nginx place servers by. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

export const CRC_START = 0xffffffff;

/** Goes on with a text, whose characters are bytes. */
export function crcText(crc: number, text: string): number {
  for (let i = 0; i < text.length; i++) crc = TABLE[(crc ^ text.charCodeAt(i)) & 0xff]! ^ (crc >>> 8);
  return crc;
}

/** Goes on with four bytes, the lowest first. */
export function crcNumber(crc: number, value: number): number {
  for (let shift = 0; shift < 32; shift += 8) crc = TABLE[(crc ^ (value >>> shift)) & 0xff]! ^ (crc >>> 8);
  return crc;
}

/** From 0 to 2^32 - 1. */
export function crcEnd(crc: number): number {
  return ~crc >>> 0;
}
