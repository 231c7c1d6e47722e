/**
 * Reads and writes past Deno's operations, by the C library on a connection's descriptor. An operation makes a promise and a
 * task to say what the kernel answers at once. What the kernel does not take is the operation's to wait for, and errors to
 * tell, though a reset that a write met is told as EPIPE.
 *
 *   write       with small writes of a turn sent together (`late-writes.ts`) a fifth of the CPU time of a small request
 *   read        of what is known to wait: a third of that of 64 KiB, or of a POST of 16 KiB
 *
 *   accepted    Deno tells the descriptor
 *   connected   the lowest that was free before `Deno.connect`, if the kernel says that it has the connection's two ends
 */

/** What a connection says of its ends. */
interface Connected {
  readonly localAddr: End;
  readonly remoteAddr: End;
}

type End =
  | { readonly transport: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix" };

/**
 * From the C library of Linux, by names that depend on its version as little as anything. Lengths have 32 bits, because a `usize`
 * takes a slow way; that the other half of the register is zero was only looked at on x86-64.
 */
const SYMBOLS = {
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const;

type NameCall = (descriptor: number, name: Uint8Array, length: Uint32Array) => number;

interface Library {
  send(descriptor: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(descriptor: number, room: Uint8Array, length: number, flags: number): number;
  ioctl(descriptor: number, request: number, answer: Int32Array): number;
  fcntl(descriptor: number, command: number, argument: number): number;
  close(descriptor: number): number;
  setsockopt(descriptor: number, level: number, name: number, value: Int32Array, length: number): number;
  getsockopt(descriptor: number, level: number, name: number, value: Int32Array, length: Uint32Array): number;
  readonly getsockname: NameCall;
  readonly getpeername: NameCall;
  inet_pton(family: number, text: Uint8Array, packed: Uint8Array): number;
}

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: { querySync(permission: { readonly name: "ffi" }): { readonly state: string } };
  dlopen(file: string, symbols: typeof SYMBOLS): { readonly symbols: Library };
}

/** Where there is no descriptor to write to. */
export const NO_DESCRIPTOR = -1;

// Linux' numbers.
const F_DUPFD = 0;
const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
const FIONREAD = 0x541b;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

const library = openLibrary();

/** Null without the permission, which is never asked for, and where the library is another. */
function openLibrary(): Library | null {
  const { Deno: deno } = globalThis as { Deno?: DenoNamespace };
  if (deno === undefined || deno.build.os !== "linux" || deno.build.arch !== "x86_64") return null;
  if (deno.permissions.querySync({ name: "ffi" }).state !== "granted") return null;
  try {
    return deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    return null;
  }
}

/** How many of `bytes` the kernel took: 0 where it took none, for whatever reason. */
export function writeNow(descriptor: number, bytes: Uint8Array): number {
  return Math.max(0, library!.send(descriptor, bytes, bytes.length, SEND_FLAGS));
}

/** The same, when more follows at once: the kernel waits for that before it makes a packet. */
export function writeFirstNow(descriptor: number, bytes: Uint8Array): number {
  return Math.max(0, library!.send(descriptor, bytes, bytes.length, SEND_FLAGS | MSG_MORE));
}

const answer = new Int32Array(1);

/** How many bytes wait to be read. */
export function waitingBytes(descriptor: number): number {
  return library!.ioctl(descriptor, FIONREAD, answer) === 0 ? answer[0]! : 0;
}

/** How many bytes were read into `room`. Only while some wait: else it might take an error away from who reads next. */
export function readNow(descriptor: number, room: Uint8Array): number {
  return Math.max(0, library!.recv(descriptor, room, room.length, MSG_DONTWAIT));
}

const value = new Int32Array(1);

/**
 * TCP_NODELAY and keep-alive for all that is accepted by the listener which `guess` should be: on Linux connections have the
 * options of their listener. False where they have not.
 */
export function passOnOptions(guess: number, port: number, keepAliveMs: number): boolean {
  if (library === null || guess < 0) return false;
  nameLength[0] = value.byteLength;
  if (library.getsockopt(guess, SOL_SOCKET, SO_ACCEPTCONN, value, nameLength) !== 0 || value[0] !== 1) return false;
  nameLength[0] = name.length;
  if (library.getsockname(guess, name, nameLength) !== 0 || ((name[2]! << 8) | name[3]!) !== port) return false;
  value[0] = 1;
  if (library.setsockopt(guess, IPPROTO_TCP, TCP_NODELAY, value, 4) !== 0) return false;
  return keepAliveMs === 0 || library.setsockopt(guess, SOL_SOCKET, SO_KEEPALIVE, value, 4) === 0;
}

/** The descriptor that a socket will get which is made at once. */
export function nextDescriptor(): number {
  if (library === null) return NO_DESCRIPTOR;
  const free = library.fcntl(0, F_DUPFD, 0);
  if (free >= 0) library.close(free);
  return free;
}

/** One that was told was the connection's. */
let tellsRight = false;

/** What Deno has `told` of a connection it accepted, if there is a way to use it; checked until it was right once. */
export function acceptedDescriptor(conn: Connected, told: number): number {
  if (library === null || told < 0) return NO_DESCRIPTOR;
  if (!tellsRight) tellsRight = connectedDescriptor(conn, told) === told;
  return tellsRight ? told : NO_DESCRIPTOR;
}

/** `guess`, if it is the descriptor of `conn`: no two connections have both ends in common. */
export function connectedDescriptor(conn: Connected, guess: number): number {
  if (library === null || guess < 0) return NO_DESCRIPTOR;
  const isIt =
    isEnd(library, library.getsockname, guess, conn.localAddr) &&
    isEnd(library, library.getpeername, guess, conn.remoteAddr);
  return isIt ? guess : NO_DESCRIPTOR;
}

/** A `sockaddr_in6`: the family in the machine's order, the port in the network's, the address at 4 or, of IPv6, at 8. */
const name = new Uint8Array(28);
const nameLength = new Uint32Array(1);
const packed = new Uint8Array(16);
const encoder = new TextEncoder();

function isEnd(library: Library, nameOf: NameCall, descriptor: number, address: End): boolean {
  if (address.transport !== "tcp") return false;
  const isV6 = address.hostname.includes(":");
  const family = isV6 ? AF_INET6 : AF_INET;
  nameLength[0] = name.length;
  if (nameOf(descriptor, name, nameLength) !== 0) return false;
  if (name[0] !== family || ((name[2]! << 8) | name[3]!) !== address.port) return false;
  if (library.inet_pton(family, encoder.encode(`${address.hostname}\0`), packed) !== 1) return false;
  const start = isV6 ? 8 : 4;
  for (let i = 0; i < (isV6 ? 16 : 4); i++) if (name[start + i] !== packed[i]) return false;
  return true;
}
