import { EventEmitter } from "node:events";
import type { Socket as NetSocket } from "node:net";
import { setImmediate } from "node:timers";
import { memorySocketPair } from "../../../core/listen/memory-socket.ts";
import type { Socket, SocketError, SocketHandler } from "../../../core/runtime.ts";
import { Far, HIGH_WATER_BYTES, type Link, LOOPBACK, linked } from "./link.ts";
import { Recorder } from "./recorder.ts";

export async function memoryLink(): Promise<Link> {
  const [socket, other] = memorySocketPair({
    local: LOOPBACK,
    peer: LOOPBACK,
    highWaterBytes: HIGH_WATER_BYTES,
    later: setImmediate,
  });
  const recorder = new Recorder();
  socket.handler = recorder;
  const far = new Far(new AsNetSocket(other) as unknown as NetSocket);
  return linked(socket, recorder, far, async () => {});
}

const PIECE_BYTES = 65536;

/** As much of node:net's socket as the contract's far ends use. */
class AsNetSocket extends EventEmitter implements SocketHandler {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.handler = this;
    socket.resume();
  }

  get writableLength(): number {
    return this.#socket.queuedBytes;
  }

  /** In pieces, as they come out of a kernel. */
  write(data: string | Uint8Array): boolean {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    let isRoomLeft = true;
    for (let start = 0; start < bytes.length; start += PIECE_BYTES)
      isRoomLeft = this.#socket.writeRange(bytes, start, Math.min(start + PIECE_BYTES, bytes.length));
    return isRoomLeft;
  }
  end(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data);
    this.#socket.end();
  }
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }
  destroy(): void {
    this.#socket.destroy();
  }
  resetAndDestroy(): void {
    this.#socket.reset();
  }

  onData(_socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    this.emit("data", bytes.subarray(start, end));
  }
  onDrain(): void {
    this.emit("drain");
  }
  onEnd(): void {
    this.emit("end");
  }
  onClose(_socket: Socket, error: SocketError | null): void {
    if (error !== null) this.emit("error", error);
    this.emit("close");
  }
}
