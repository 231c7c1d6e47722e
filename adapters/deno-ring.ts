/** The ring of `send-ring.ts`, by Deno's foreign function interface and the C library of Linux. */
import { openSendRing, type RingLibrary, type SendRing } from "./send-ring.ts";

/**
 * The C library has no functions of their own for the two system calls. Parameters of 32 bits, because a `usize` takes a slow
 * way; that the other half of the register is zero was only looked at on x86-64.
 */
const SYMBOLS = {
  setup: { name: "syscall", parameters: ["i32", "u32", "buffer"], result: "i32" },
  enter: { name: "syscall", parameters: ["i32", "i32", "u32", "u32", "u32", "u32", "u32"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
} as const;

type Pointer = { readonly __brand: "pointer" } | null;

interface Library {
  setup(call: number, entries: number, parameters: Uint32Array): number;
  enter(call: number, descriptor: number, entries: number, a: number, b: number, c: number, d: number): number;
  mmap(at: bigint, length: bigint, access: number, flags: number, descriptor: number, offset: bigint): Pointer;
}

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: { querySync(permission: { readonly name: "ffi" }): { readonly state: string } };
  readonly UnsafePointer: { of(bytes: ArrayBufferLike): Pointer; value(pointer: Pointer): bigint | number };
  readonly UnsafePointerView: { getArrayBuffer(pointer: Pointer, length: number): ArrayBuffer };
  dlopen(file: string, symbols: typeof SYMBOLS): { readonly symbols: Library };
}

// Linux' numbers, on x86-64.
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const PROT_READ_WRITE = 3;
const MAP_SHARED_POPULATE = 0x8001;
/** What `mmap` answers when it fails: -1. */
const MAP_FAILED = 2n ** 64n - 1n;

/** Null where there is none: without the permission, which is never asked for, too. */
export function openRing(entriesMax: number): SendRing | null {
  const { Deno: deno } = globalThis as unknown as { Deno: DenoNamespace };
  if (deno.build.os !== "linux" || deno.build.arch !== "x86_64") return null;
  if (deno.permissions.querySync({ name: "ffi" }).state !== "granted") return null;
  try {
    return openSendRing(libraryOf(deno), entriesMax);
  } catch {
    return null;
  }
}

function libraryOf(deno: DenoNamespace): RingLibrary {
  const { setup, enter, mmap } = deno.dlopen("libc.so.6", SYMBOLS).symbols;
  let lastMemory: ArrayBufferLike | null = null;
  let lastAddress = 0;
  return {
    setup: (entries, parameters) => setup(SYS_IO_URING_SETUP, entries, parameters),
    enter: (descriptor, entries) => enter(SYS_IO_URING_ENTER, descriptor, entries, 0, 0, 0, 0),
    map(descriptor, offset, length) {
      const pointer = mmap(0n, BigInt(length), PROT_READ_WRITE, MAP_SHARED_POPULATE, descriptor, BigInt(offset));
      const isMapped = BigInt(deno.UnsafePointer.value(pointer)) !== MAP_FAILED;
      return isMapped ? deno.UnsafePointerView.getArrayBuffer(pointer, length) : null;
    },
    // Asking costs as much as a write; heads come out of one slab for a hundred times.
    addressOf(bytes) {
      const memory = bytes.buffer;
      if (memory !== lastMemory) {
        lastMemory = memory;
        lastAddress = Number(deno.UnsafePointer.value(deno.UnsafePointer.of(memory)));
      }
      return lastAddress + bytes.byteOffset;
    },
  };
}
