/**
 * `onread` (a buffer that is used again for every read) for sockets that a server accepts: Node offers it as an option of
 * `connect` only. Without it every read of a client allocates 64 KiB and shrinks them.
 */
import { Socket as NetSocket } from "node:net";

type ReadCallback = (this: NetSocket, length: number) => boolean;

interface Handle {
  useUserBuffer?(room: Uint8Array): void;
}

// Where net.Socket keeps the option has no public name: found on a socket that was made with it.
const made = new NetSocket({ onread: { buffer: new Uint8Array(1), callback: () => true } });
const symbols = Object.getOwnPropertySymbols(made);
const roomKey = symbols.find(({ description }) => description === "kBuffer");
const callbackKey = symbols.find(({ description }) => description === "kBufferCb");

/**
 * `raw` has not been read from. False where this Node keeps the option elsewhere: the socket stays as it is, slower, and
 * right.
 */
export function readInto(raw: NetSocket, room: Uint8Array, onRead: ReadCallback): boolean {
  const opened = raw as unknown as { readonly _handle: Handle | null; [key: symbol]: unknown };
  const handle = opened._handle;
  if (roomKey === undefined || callbackKey === undefined || handle?.useUserBuffer === undefined) return false;
  opened[roomKey] = room;
  opened[callbackKey] = onRead;
  handle.useUserBuffer(room);
  return true;
}
