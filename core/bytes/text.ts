/**
 * Bytes to latin1 text and back. HTTP heads are bytes of which only ASCII has a meaning; latin1 maps each byte
 * to one character and loses nothing, where UTF-8 would merge and replace.
 */

interface BufferMethods {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  copy(this: Uint8Array, target: Uint8Array, at: number, start: number, end: number): number;
}

// The one place that looks for a runtime's own methods: `latin1Slice` is several times faster than building text by
// character (all three runtimes have it; the portable version below serves any other).
const prototype = (globalThis as { Buffer?: { prototype: BufferMethods } }).Buffer?.prototype;
const nativeSlice = prototype?.latin1Slice;
// Bun's is native and makes no view, which is dear there: 13 percent of the user time of a small request. Where it is
// JavaScript it gains nothing.
const nativeCopy = /\[native code\]/.test(String(prototype?.copy)) ? prototype?.copy : undefined;

/** The bytes from `start` to `end` as latin1 text. */
export const latin1 = nativeSlice
  ? (bytes: Uint8Array, start: number, end: number): string => nativeSlice.call(bytes, start, end)
  : portableLatin1;

export function portableLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + 4096, end)));
  }
  return text;
}

/**
 * Without spaces and tabs at both ends (OWS, RFC 9110 section 5.6.3). Not `trim`, which also takes U+00A0, and not a
 * regular expression, which looks at white space in the middle once for each of its characters.
 */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Latin1 text as new bytes. Text beyond latin1 is a mistake of ours: it was to be refused when it came in. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeLatin1(text, bytes, 0);
  return bytes;
}

const STRICT_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What latin1 text says when its bytes are read as UTF-8; null when they are none. */
export function decodeUtf8(text: string): string | null {
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return STRICT_DECODER.decode(bytesOf(text));
  } catch {
    return null;
  }
}

/** The UTF-8 bytes of a text of ours as latin1 text, which is what requests are compared in. */
export function byteText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  return latin1(bytes, 0, bytes.length);
}

/** Writes latin1 text into `target` from `at`; answers where it ended. */
export function writeLatin1(text: string, target: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new Error(`text with character U+${code.toString(16)} reached the wire; refuse it earlier`);
    target[at + i] = code;
  }
  return at + text.length;
}

/** `bytes[start, end)` in memory of its own. Not `slice`: chunks of Node are Buffers, whose `slice` is only a view. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

// Below this many bytes a loop is cheaper than a call (measured on all three runtimes).
const LOOP_COPY_MAX = 64;

/** Copies `source[start, end)` to `target` from `at`; answers where it ended. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const length = end - start;
  if (length <= LOOP_COPY_MAX) {
    for (let i = 0; i < length; i++) target[at + i] = source[start + i]!;
  } else if (nativeCopy !== undefined) {
    nativeCopy.call(source, target, at, start, end);
  } else {
    target.set(length === source.length ? source : source.subarray(start, end), at);
  }
  return at + length;
}
