/** A part of some memory, without the view: making one takes JavaScriptCore longer than a small write. */
export class Range {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** What lies from `offset` in it on. */
  view(offset: number): Uint8Array {
    return viewOf(this.bytes, this.start + offset, this.end);
  }
}

/** `bytes` itself where it is all of it: a chunk is known again by its view. */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
