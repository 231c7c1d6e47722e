/**
 * Small writes to many sockets by one system call: io_uring of Linux, from 6.0 on. Going into the kernel and back empties
 * caches of addresses and predictions; where it is also guarded (page table isolation) it costs as much as our own code for
 * a request.
 *
 *     add ──► entries [tail, …) ──send──► kernel ──► completions ──► LateWriter.taken
 *
 * Each entry is a `send` that does not wait, so that it is done when the call returns: memory and descriptors are looked at
 * within it, and none is in use afterwards. What was not taken, for whatever reason, stays with its writer.
 */

/** Who has bytes in an entry. Is told once for each, in `send` at latest. */
export interface RingWriter {
  /** The kernel took so many; 0 also for an error, which the next write meets again. */
  taken(count: number): void;
}

/** What a runtime's foreign function interface must offer. */
export interface RingLibrary {
  /** A descriptor, or below 0. Fills `parameters`. */
  setup(entries: number, parameters: Uint32Array): number;
  /** How many entries the kernel took over, or below 0. */
  enter(descriptor: number, entries: number): number;
  /** Shared memory, for as long as the process lives. */
  map(descriptor: number, offset: number, length: number): ArrayBuffer | null;
  addressOf(bytes: Uint8Array): number;
}

// Linux' numbers: linux/io_uring.h. What is not named here is 0 in all of it.
export const SYS_IO_URING_SETUP = 425;
export const SYS_IO_URING_ENTER = 426;
export const PROT_READ_WRITE = 3;
export const MAP_SHARED_POPULATE = 0x8001;
const SETUP_SUBMIT_ALL = 1 << 7;
const SETUP_COOP_TASKRUN = 1 << 8;
const SETUP_SINGLE_ISSUER = 1 << 12;
const FEATURE_SINGLE_MAP = 1 << 0;
const OFFSET_RINGS = 0;
const OFFSET_ENTRIES = 0x10000000;
const OPERATION_SEND = 26;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Of 32 bits: `struct io_uring_params`, with the offsets of both rings at 10 and 20. */
const PARAMETERS_WORDS = 30;
const ENTRIES_AT = 10;
const COMPLETIONS_AT = 20;
/** Of 32 bits: `struct io_uring_sqe`, and of `struct io_uring_cqe`. */
const ENTRY_WORDS = 16;
const COMPLETION_WORDS = 4;

const NOBODY: RingWriter = { taken() {} };

/** Null where the kernel has no such thing, or forbids it. */
export function openSendRing(library: RingLibrary, entriesMax: number): SendRing | null {
  const parameters = new Uint32Array(PARAMETERS_WORDS);
  parameters[2] = SETUP_SUBMIT_ALL | SETUP_COOP_TASKRUN | SETUP_SINGLE_ISSUER;
  const descriptor = library.setup(entriesMax, parameters);
  if (descriptor < 0 || (parameters[5]! & FEATURE_SINGLE_MAP) === 0) return null;
  const entriesEnd = parameters[ENTRIES_AT + 6]! + 4 * parameters[0]!;
  const completionsEnd = parameters[COMPLETIONS_AT + 5]! + 4 * COMPLETION_WORDS * parameters[1]!;
  const rings = library.map(descriptor, OFFSET_RINGS, Math.max(entriesEnd, completionsEnd));
  const entries = library.map(descriptor, OFFSET_ENTRIES, 4 * ENTRY_WORDS * parameters[0]!);
  return rings === null || entries === null ? null : new SendRing(library, descriptor, parameters, rings, entries);
}

export class SendRing {
  readonly #library: RingLibrary;
  readonly #descriptor: number;
  readonly #entries: Uint32Array;
  readonly #entriesTail: Uint32Array;
  readonly #mask: number;
  readonly #completions: Int32Array;
  readonly #completionsHead: Uint32Array;
  readonly #completionsTail: Uint32Array;
  readonly #completionsMask: number;
  /** By entry. */
  readonly #writers: RingWriter[];
  #tail = 0;
  #added = 0;
  /** An entry was not taken over once. It lies there, and must never be. */
  #isBroken = false;

  constructor(
    library: RingLibrary,
    descriptor: number,
    parameters: Uint32Array,
    rings: ArrayBuffer,
    entries: ArrayBuffer,
  ) {
    const count = parameters[0]!;
    const completionsCount = parameters[1]!;
    this.#library = library;
    this.#descriptor = descriptor;
    this.#entries = new Uint32Array(entries);
    this.#entriesTail = new Uint32Array(rings, parameters[ENTRIES_AT + 1]!, 1);
    this.#mask = count - 1;
    this.#completionsHead = new Uint32Array(rings, parameters[COMPLETIONS_AT]!, 1);
    this.#completionsTail = new Uint32Array(rings, parameters[COMPLETIONS_AT + 1]!, 1);
    this.#completions = new Int32Array(rings, parameters[COMPLETIONS_AT + 5]!, COMPLETION_WORDS * completionsCount);
    this.#completionsMask = completionsCount - 1;
    this.#writers = new Array(count).fill(NOBODY);
    const order = new Uint32Array(rings, parameters[ENTRIES_AT + 6]!, count);
    for (let entry = 0; entry < count; entry++) {
      order[entry] = entry;
      const at = entry * ENTRY_WORDS;
      this.#entries[at] = OPERATION_SEND;
      this.#entries[at + 7] = MSG_DONTWAIT | MSG_NOSIGNAL;
      this.#entries[at + 8] = entry;
    }
  }

  /** `bytes[start, end)` goes out on `descriptor` with the next `send`, unless the ring is full. */
  add(writer: RingWriter, descriptor: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isBroken || this.#added > this.#mask) {
      writer.taken(0);
      return;
    }
    const entry = (this.#tail + this.#added) & this.#mask;
    this.#added++;
    this.#writers[entry] = writer;
    const at = entry * ENTRY_WORDS;
    const address = this.#library.addressOf(bytes) + start;
    const entries = this.#entries;
    entries[at + 1] = descriptor;
    entries[at + 4] = address;
    entries[at + 5] = address / 2 ** 32;
    entries[at + 6] = end - start;
  }

  /** Tells each writer how much the kernel took. */
  send(): void {
    const added = this.#added;
    if (added === 0) return;
    this.#added = 0;
    this.#tail = (this.#tail + added) >>> 0;
    this.#entriesTail[0] = this.#tail;
    const entered = this.#library.enter(this.#descriptor, added);
    const tail = this.#completionsTail[0]!;
    let head = this.#completionsHead[0]!;
    while (head !== tail) {
      const at = (head & this.#completionsMask) * COMPLETION_WORDS;
      head = (head + 1) >>> 0;
      this.#tell(this.#completions[at]!, this.#completions[at + 2]!);
    }
    this.#completionsHead[0] = head;
    if (entered === added) return;
    this.#isBroken = true;
    for (let entry = 0; entry < this.#writers.length; entry++) this.#tell(entry, 0);
  }

  #tell(entry: number, result: number): void {
    const writer = this.#writers[entry]!;
    this.#writers[entry] = NOBODY;
    writer.taken(Math.max(0, result));
  }
}
