import { Buffer } from "node:buffer";

/** The bytes a nonce stands for, so that neither side has to be told what the other sent. */
export function bodyOf(nonce: string, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${nonce};`, "latin1");
}
