import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { openSendRing, type RingLibrary, type RingWriter } from "../../adapters/send-ring.ts";

const ENTRIES = 4;
// Where the kernel below has the heads and tails of both rings, the order of entries, and the completions.
const ENTRIES_TAIL = 1;
const COMPLETIONS_HEAD = 2;
const COMPLETIONS_TAIL = 3;
const ORDER = 4;
const COMPLETIONS = 8;

/** io_uring as far as the ring looks at it: takes from each send as much as `take` says. */
class Kernel implements RingLibrary {
  readonly rings = new ArrayBuffer(4 * (COMPLETIONS + 4 * 2 * ENTRIES));
  readonly entries = new ArrayBuffer(64 * ENTRIES);
  readonly sends: { descriptor: number; address: number; length: number; flags: number }[] = [];
  take: (length: number) => number = (length) => length;
  acceptsEntries = ENTRIES;
  calls = 0;
  #head = 0;

  setup(entries: number, parameters: Uint32Array): number {
    assert.equal(entries, ENTRIES);
    parameters.set([ENTRIES, 2 * ENTRIES], 0);
    parameters[5] = 1;
    parameters.set([0, 4 * ENTRIES_TAIL, 0, 0, 0, 0, 4 * ORDER], 10);
    parameters.set([4 * COMPLETIONS_HEAD, 4 * COMPLETIONS_TAIL, 0, 0, 0, 4 * COMPLETIONS], 20);
    return 3;
  }

  map(_descriptor: number, offset: number, length: number): ArrayBuffer {
    const memory = offset === 0 ? this.rings : this.entries;
    assert.equal(memory.byteLength, length);
    return memory;
  }

  enter(_descriptor: number, count: number): number {
    this.calls++;
    const words = new Uint32Array(this.rings);
    const entries = new Uint32Array(this.entries);
    const taken = Math.min(count, this.acceptsEntries);
    assert.equal(words[ENTRIES_TAIL]! - this.#head, count);
    for (let i = 0; i < taken; i++) {
      const at = 16 * words[ORDER + (this.#head++ % ENTRIES)]!;
      const [operation, descriptor, , , low, high, length, flags, data] = entries.subarray(at, at + 9);
      assert.equal(operation, 26);
      this.sends.push({ descriptor: descriptor!, address: high! * 2 ** 32 + low!, length: length!, flags: flags! });
      const completion = COMPLETIONS + 4 * (words[COMPLETIONS_TAIL]! % (2 * ENTRIES));
      words[completion] = data!;
      words[completion + 2] = this.take(length!);
      words[COMPLETIONS_TAIL]!++;
    }
    return taken;
  }

  addressOf(bytes: Uint8Array): number {
    return 0x7f00_1234_0000 + bytes.byteOffset;
  }
}

function writer(counts: number[]): RingWriter {
  return { taken: (count) => void counts.push(count) };
}

const bytes = new Uint8Array(1000);

describe("small writes by one system call", () => {
  it("name the bytes, the descriptor, and that neither waiting nor a signal is wanted", () => {
    const kernel = new Kernel();
    const ring = openSendRing(kernel, ENTRIES)!;
    const counts: number[] = [];
    ring.add(writer(counts), 7, bytes.subarray(100), 10, 30);
    ring.send();
    assert.deepEqual(kernel.sends, [{ descriptor: 7, address: 0x7f00_1234_006e, length: 20, flags: 0x4040 }]);
    assert.deepEqual(counts, [20]);
  });

  it("tell each writer what was taken of its bytes, an error being nothing, however often the rings go round", () => {
    const kernel = new Kernel();
    const ring = openSendRing(kernel, ENTRIES)!;
    const EAGAIN = -11;
    kernel.take = (length) => (length === 2 ? EAGAIN : length > 5 ? 5 : length);
    for (let round = 0; round < 9; round++) {
      const counts: number[][] = [[], [], []];
      ring.add(writer(counts[0]!), 5, bytes, 0, 3);
      ring.add(writer(counts[1]!), 6, bytes, 0, 2);
      ring.add(writer(counts[2]!), 7, bytes, 0, 9);
      ring.send();
      assert.deepEqual(counts, [[3], [0], [5]]);
    }
    assert.equal(kernel.calls, 9);
  });

  it("are not taken, when there are more than the ring holds", () => {
    const kernel = new Kernel();
    const ring = openSendRing(kernel, ENTRIES)!;
    const counts: number[] = [];
    for (let i = 0; i <= ENTRIES; i++) ring.add(writer(counts), i, bytes, 0, 1);
    assert.deepEqual(counts, [0]);
    ring.send();
    assert.deepEqual([counts, kernel.sends.length], [[0, 1, 1, 1, 1], 4]);
  });

  it("are no system call when there are none", () => {
    const kernel = new Kernel();
    openSendRing(kernel, ENTRIES)!.send();
    assert.equal(kernel.calls, 0);
  });

  it("are never tried again by a ring that kept one back: its descriptor may be somebody else's by then", () => {
    const kernel = new Kernel();
    const ring = openSendRing(kernel, ENTRIES)!;
    const counts: number[] = [];
    kernel.acceptsEntries = 1;
    ring.add(writer(counts), 5, bytes, 0, 3);
    ring.add(writer(counts), 6, bytes, 0, 4);
    ring.send();
    assert.deepEqual(counts, [3, 0]);
    kernel.acceptsEntries = ENTRIES;
    for (let round = 0; round < 9; round++) {
      ring.add(writer(counts), 7, bytes, 0, 5);
      ring.send();
    }
    assert.deepEqual([counts, kernel.calls], [[3, 0, ...new Array(9).fill(0)], 1]);
  });

  it("need a kernel that offers and allows it", () => {
    const refusing = new Kernel();
    refusing.setup = () => -1;
    assert.equal(openSendRing(refusing, ENTRIES), null);
    const old = new Kernel();
    old.setup = () => 3;
    assert.equal(openSendRing(old, ENTRIES), null);
    class Unmapped extends Kernel {
      override map(): never {
        return null as never;
      }
    }
    assert.equal(openSendRing(new Unmapped(), ENTRIES), null);
  });
});
