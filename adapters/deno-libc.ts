/**
 * The C library of Linux by Deno's foreign function interface, where `--allow-ffi` is given: system calls without an operation of
 * Deno's around each, which makes a promise and a task to say what the kernel answers at once.
 */

import { isPermitted } from "./permission.ts";

/**
 * By names that depend on its version as little as anything. Lengths have 32 bits, because a `usize` takes a slow way; that
 * the other half of the register is zero was only looked at on x86-64.
 */
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  inet_ntop: { parameters: ["i32", "buffer", "buffer", "u32"], result: "void" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // What the C library has no function for.
  io_setup: { name: "syscall", parameters: ["i32", "u32", "buffer"], result: "i32" },
  io_submit: { name: "syscall", parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  io_uring_setup: { name: "syscall", parameters: ["i32", "u32", "buffer"], result: "i32" },
  io_uring_enter: { name: "syscall", parameters: ["i32", "i32", "u32", "u32", "u32", "u32", "u32"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** A call that fails answers -1, and `errno` says why. */
interface Library {
  socket(family: number, type: number, protocol: number): number;
  bind(descriptor: number, name: Uint8Array, length: number): number;
  listen(descriptor: number, backlog: number): number;
  accept4(descriptor: number, name: Uint8Array, length: Uint32Array, flags: number): number;
  connect(descriptor: number, name: Uint8Array, length: number): number;
  send(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(descriptor: number, room: Uint8Array, length: number, flags: number): number;
  shutdown(descriptor: number, how: number): number;
  close(descriptor: number): number;
  setsockopt(descriptor: number, level: number, name: number, value: Int32Array, length: number): number;
  getsockopt(descriptor: number, level: number, name: number, value: Int32Array, length: Uint32Array): number;
  getsockname(descriptor: number, name: Uint8Array, length: Uint32Array): number;
  /** 1 where `text`, which ends with a zero, is an address. */
  inet_pton(family: number, text: Uint8Array, packed: Uint8Array): number;
  inet_ntop(family: number, packed: Uint8Array, text: Uint8Array, length: number): void;
  eventfd(count: number, flags: number): number;
  write(descriptor: number, bytes: Uint32Array, length: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, command: number, descriptor: number, event: Int32Array): number;
  epoll_wait(epoll: number, events: Int32Array, eventsMax: number, timeoutMs: number): number;
  io_setup(call: number, eventsMax: number, context: BigUint64Array): number;
  io_submit(call: number, context: Uint8Array, count: number, blocks: BigUint64Array): number;
  io_uring_setup(call: number, entries: number, parameters: Uint32Array): number;
  io_uring_enter(
    call: number,
    descriptor: number,
    entries: number,
    entriesMin: number,
    flags: number,
    signals: number,
    signalsBytes: number,
  ): number;
  /** -1 as a pointer when it fails. */
  mmap(at: bigint, length: bigint, access: number, flags: number, descriptor: number, offset: bigint): object | null;
  __errno_location(): object;
}

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  dlopen(file: string, symbols: typeof SYMBOLS): { readonly symbols: Library };
  readonly UnsafePointer: {
    of(memory: ArrayBufferView): object;
    create(address: bigint): object;
    value(pointer: object | null): bigint | number;
  };
  readonly UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
}

// By way of unknown: where Deno checks types it knows its own, which say the same in another way.
const { Deno: deno } = globalThis as unknown as { Deno?: DenoNamespace };

export const libc: Library | null = openLibrary();

/**
 * Null without the permission, which is never asked for, and where the library is another. In a worker, too: when it is
 * terminated Deno closes what is Deno's, and nobody a descriptor of ours.
 */
function openLibrary(): Library | null {
  if ("DedicatedWorkerGlobalScope" in globalThis) return null;
  if (deno === undefined || deno.build.os !== "linux" || deno.build.arch !== "x86_64") return null;
  if (!isPermitted({ name: "ffi" })) return null;
  try {
    return deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
}

/** This thread's, where no other call of the C library can have come between. */
const lastError = libc === null ? new Int32Array(1) : new Int32Array(memoryAt(libc.__errno_location(), 4));

export function errno(): number {
  return lastError[0] as number;
}

function memoryAt(pointer: object, length: number): ArrayBuffer {
  return deno!.UnsafePointerView.getArrayBuffer(pointer, length);
}

/** What the kernel has mapped. */
export function mapped(address: bigint, length: number): Uint8Array {
  return new Uint8Array(memoryAt(deno!.UnsafePointer.create(address), length));
}

/** What `mmap` has answered, as a number. */
export function numberOf(pointer: object | null): bigint {
  return BigInt(deno!.UnsafePointer.value(pointer));
}

/** Stays what it is only for memory that somebody keeps. */
export function addressOf(memory: ArrayBufferView): bigint {
  return numberOf(deno!.UnsafePointer.of(memory));
}
