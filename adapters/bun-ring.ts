/** The ring of `send-ring.ts`, by Bun's foreign function interface and the C library of Linux. */
import { isMainThread } from "node:worker_threads";
import {
  MAP_SHARED_POPULATE,
  openSendRing,
  PROT_READ_WRITE,
  type SendRing,
  SYS_IO_URING_ENTER,
  SYS_IO_URING_SETUP,
} from "./send-ring.ts";

// The C library has no functions of their own for the two system calls. Parameters have the width of a register.
const SYMBOLS = {
  syscall: {
    args: ["i64_fast", "i64_fast", "i64_fast", "i64_fast", "i64_fast", "i64_fast", "i64_fast"],
    returns: "i32",
  },
  mmap: { args: ["i64_fast", "i64_fast", "i32", "i32", "i32", "i64_fast"], returns: "i64_fast" },
} as const;

type Call = (...parameters: readonly number[]) => number;

interface Ffi {
  dlopen(file: string, symbols: typeof SYMBOLS): { readonly symbols: { readonly syscall: Call; readonly mmap: Call } };
  ptr(bytes: ArrayBufferView): number;
  toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
}

/**
 * Null where there is none. In a worker, too: when it is terminated Bun closes what is Bun's, and nobody a descriptor of
 * ours. Takes 3 ms or more, most of it to compile the calls.
 */
export function openRing(entriesMax: number): SendRing | null {
  if (process.platform !== "linux" || !isMainThread) return null;
  try {
    const { dlopen, ptr, toArrayBuffer } = process.getBuiltinModule("bun:ffi") as unknown as Ffi;
    const { syscall, mmap } = dlopen("libc.so.6", SYMBOLS).symbols;
    const library = {
      setup: (entries: number, parameters: Uint32Array) =>
        syscall(SYS_IO_URING_SETUP, entries, ptr(parameters), 0, 0, 0, 0),
      enter: (descriptor: number, entries: number) => syscall(SYS_IO_URING_ENTER, descriptor, entries, 0, 0, 0, 0),
      map(descriptor: number, offset: number, length: number) {
        const address = mmap(0, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, descriptor, offset);
        return address === -1 ? null : toArrayBuffer(address, 0, length);
      },
      addressOf: ptr,
    };
    return openSendRing(library, entriesMax);
  } catch {
    return null;
  }
}
