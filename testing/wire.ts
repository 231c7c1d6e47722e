import { Buffer } from "node:buffer";
import type { Address } from "../core/runtime.ts";

/**
 * Readable bytes. A template is written over several lines; every line break is a CRLF on the wire, and `\r`, `\n`,
 * `\t`, `\0`, `\\` and `\xHH` stand for single bytes. A line that ends in a single backslash goes on without CRLF.
 *
 *   wire("GET / HTTP/1.1\nHost: a\n\n")
 */
export function wire(template: string): Uint8Array {
  // Only a line break becomes longer.
  const bytes = new Uint8Array(2 * template.length);
  let length = 0;
  for (let i = 0; i < template.length; i++) {
    const code = template.charCodeAt(i);
    if (code === 0x0a) {
      bytes[length++] = 0x0d;
      bytes[length++] = 0x0a;
    } else if (code !== 0x5c) {
      if (code > 0x7f) throw new Error(`write byte ${JSON.stringify(template[i])} as \\xHH`);
      bytes[length++] = code;
    } else {
      i++;
      const letter = template[i];
      if (letter === "\n") continue;
      if (letter === "x") {
        const hex = template.slice(i + 1, i + 3);
        if (!/^[0-9a-fA-F]{2}$/.test(hex)) throw new Error(`\\x wants two hexadecimal digits, not ${hex}`);
        bytes[length++] = Number.parseInt(hex, 16);
        i += 2;
        continue;
      }
      const single = letter === undefined ? undefined : SINGLE_ESCAPES[letter];
      if (single === undefined) throw new Error(`unknown escape \\${letter}`);
      bytes[length++] = single;
    }
  }
  return bytes.slice(0, length);
}

const SINGLE_ESCAPES: Record<string, number> = { r: 0x0d, n: 0x0a, t: 0x09, "0": 0x00, "\\": 0x5c };

/** Bytes for a failure message: printable ASCII as it is, CRLF as `\r\n` and a line break, the rest escaped. */
export function printable(bytes: Uint8Array | string, charactersMax = 4000): string {
  const text = typeof bytes === "string" ? bytes : textOfBytes(bytes);
  let out = "";
  for (let i = 0; i < text.length && out.length < charactersMax; i++) {
    const character = text[i] as string;
    const code = text.charCodeAt(i);
    if (character === "\r") out += "\\r";
    else if (character === "\n") out += "\\n\n";
    else if (character === "\t") out += "\\t";
    else if (character === "\\") out += "\\\\";
    else if (code >= 0x20 && code < 0x7f) out += character;
    else out += `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return out.length >= charactersMax ? `${out} … (${text.length} bytes)` : out;
}

/** One byte per character; a character above 0xff is a mistake of the test. */
export function bytesOfText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new Error(`no byte for ${JSON.stringify(text[i])}: write its UTF-8 as \\xHH`);
    bytes[i] = code;
  }
  return bytes;
}

/** One character per byte. */
export function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** `127.0.0.1:80`, `[::1]:80`, `:80`, `unix:/path`. */
export function addressOf(text: string | Address): Address {
  if (typeof text !== "string") return text;
  if (text.startsWith("unix:")) return { kind: "unix", path: text.slice(5) };
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]+)$/.exec(text);
  if (match === null) throw new Error(`not an address: ${text}`);
  return { kind: "tcp", host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}
