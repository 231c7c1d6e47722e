/** Chunks and trailers to bytes (RFC 9112 section 7.1). */

import type { Outbox } from "../bytes/outbox.ts";
import type { Fields } from "../http/fields.ts";

/** One chunk; chunk lines and small pieces are merged, large ones pass without a copy. */
export function writeChunk(outbox: Outbox, bytes: Uint8Array, start: number, end: number): void {
  outbox.text(`${(end - start).toString(16)}\r\n`);
  outbox.piece(bytes, start, end);
  outbox.text("\r\n");
}

export function writeLastChunk(outbox: Outbox, trailers: Fields | null): void {
  if (trailers === null) {
    outbox.text("0\r\n\r\n");
    return;
  }
  outbox.text("0\r\n");
  for (let index = 0; index < trailers.count; index++) {
    if (trailers.isDropped(index)) continue;
    outbox.copy(trailers.bytes, trailers.nameStart(index), trailers.nameEnd(index));
    outbox.text(": ");
    outbox.copy(trailers.bytes, trailers.valueStart(index), trailers.valueEnd(index));
    outbox.text("\r\n");
  }
  outbox.text("\r\n");
}
