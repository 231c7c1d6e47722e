/** The C library of Linux, by Bun's foreign function interface: null where either is missing. */

const SYMBOLS = {
  dup: { args: ["i32"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  shutdown: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  ioctl: { args: ["i32", "u32", "ptr"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
} as const;

interface Library {
  dup(descriptor: number): number;
  socket(family: number, type: number, protocol: number): number;
  close(descriptor: number): number;
  shutdown(descriptor: number, how: number): number;
  setsockopt(descriptor: number, level: number, name: number, value: ArrayBufferView, length: number): number;
  getsockopt(descriptor: number, level: number, name: number, value: ArrayBufferView, length: Uint32Array): number;
  getsockname(descriptor: number, name: Uint8Array, length: Uint32Array): number;
  getpeername(descriptor: number, name: Uint8Array, length: Uint32Array): number;
  ioctl(descriptor: number, request: number, answer: Int32Array): number;
  recv(descriptor: number, room: Uint8Array, length: number, flags: number): number;
}

interface Ffi {
  dlopen(file: string, symbols: typeof SYMBOLS): { readonly symbols: Library };
}

/** At once for all who need some of it: most of the time is that of compiling the calls. */
export const libc: Library | null = openLibc();

function openLibc(): Library | null {
  if (process.platform !== "linux") return null;
  try {
    const { dlopen } = process.getBuiltinModule("bun:ffi") as unknown as Ffi;
    return dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
}
