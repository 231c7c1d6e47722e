/** The ring of `send-ring.ts`, by the C library of Linux. */
import { addressOf, libc, mapped, numberOf } from "./deno-libc.ts";
import { poll } from "./deno-poll.ts";
import {
  MAP_SHARED_POPULATE,
  openSendRing,
  PROT_READ_WRITE,
  type RingLibrary,
  type SendRing,
  SYS_IO_URING_ENTER,
  SYS_IO_URING_SETUP,
} from "./send-ring.ts";

/** -1: `mmap` has failed. */
const MAP_FAILED = 2n ** 64n - 1n;

/** Null where there is none. */
export function openRing(entriesMax: number): SendRing | null {
  return libc === null ? null : openSendRing(library(libc), entriesMax);
}

function library({ io_uring_setup, io_uring_enter, mmap }: NonNullable<typeof libc>): RingLibrary {
  let lastMemory: ArrayBufferLike | null = null;
  let lastAddress = 0;
  return {
    setup(entries, parameters) {
      const descriptor = io_uring_setup(SYS_IO_URING_SETUP, entries, parameters);
      if (descriptor >= 0) poll?.opened(descriptor);
      return descriptor;
    },
    enter: (descriptor, entries) => io_uring_enter(SYS_IO_URING_ENTER, descriptor, entries, 0, 0, 0, 0),
    map(descriptor, offset, length) {
      const pointer = mmap(0n, BigInt(length), PROT_READ_WRITE, MAP_SHARED_POPULATE, descriptor, BigInt(offset));
      const address = numberOf(pointer);
      return address === MAP_FAILED ? null : (mapped(address, length).buffer as ArrayBuffer);
    },
    // Asking costs as much as a write; heads come out of one slab for a hundred times.
    addressOf(bytes) {
      const memory = bytes.buffer;
      if (memory !== lastMemory) {
        lastMemory = memory;
        lastAddress = Number(addressOf(new Uint8Array(memory)));
      }
      return lastAddress + bytes.byteOffset;
    },
  };
}
