import { strictEqual } from "node:assert/strict";
import { type AddressInfo, createServer, type Socket as NetSocket, connect as netConnect } from "node:net";
import type { Address, ConnectOptions, ListenOptions, Runtime, Socket } from "../../../core/runtime.ts";
import { aMoment, Recorder } from "./recorder.ts";

export type Side = "accepted" | "connected";
export const SIDES: readonly Side[] = ["accepted", "connected"];

export const HIGH_WATER_BYTES = 65536;
export const LOOPBACK: Address = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** The adapter's socket, paused and recorded, joined to a far end of plain node:net. */
export interface Link extends AsyncDisposable {
  readonly socket: Socket;
  readonly recorder: Recorder;
  readonly far: Far;
}

/** The far end of a connection; it reads from the start unless told to `pause`. */
export class Far {
  readonly raw: NetSocket;
  receivedBytes = 0;
  chunks: Uint8Array[] = [];
  ended = false;
  closed = false;
  errorCode: string | null = null;
  onBytes: ((bytes: Uint8Array) => void) | null = null;

  constructor(raw: NetSocket) {
    this.raw = raw;
    raw.on("data", (bytes: Uint8Array) => {
      this.receivedBytes += bytes.length;
      this.chunks.push(bytes);
      this.onBytes?.(bytes);
    });
    raw.on("end", () => {
      this.ended = true;
    });
    raw.on("error", (error: Error & { code?: string }) => {
      this.errorCode = error.code ?? "no code";
    });
    raw.on("close", () => {
      this.closed = true;
    });
  }

  text(): string {
    return this.chunks.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  }

  async until(what: string, met: () => boolean): Promise<void> {
    const deadline = performance.now() + 4000;
    while (!met()) {
      if (performance.now() > deadline) {
        throw new Error(`far end: ${what}: not within 4 s; ${this.receivedBytes} bytes, error ${this.errorCode}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  untilBytes(count: number): Promise<void> {
    return this.until(`${count} bytes`, () => this.receivedBytes >= count);
  }

  untilEnded(): Promise<void> {
    return this.until("end", () => this.ended);
  }
}

export function listenOptions(address: Address, more: Partial<ListenOptions> = {}): ListenOptions {
  return { address, backlog: 128, reusePort: false, highWaterBytes: HIGH_WATER_BYTES, tls: null, ...more };
}

export function connectOptions(address: Address, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return { address, highWaterBytes: HIGH_WATER_BYTES, tls: null, ...more };
}

export function portOf(address: Address): number {
  strictEqual(address.kind, "tcp");
  return address.kind === "tcp" ? address.port : 0;
}

export function link(runtime: Runtime, side: Side): Promise<Link> {
  return side === "accepted" ? linkByAccepting(runtime) : linkByConnecting(runtime);
}

async function linkByAccepting(runtime: Runtime): Promise<Link> {
  const recorder = new Recorder();
  let accepted: (socket: Socket) => void = () => {};
  const socket = new Promise<Socket>((resolve) => {
    accepted = resolve;
  });
  const listener = await runtime.listen(listenOptions(LOOPBACK), {
    onSocket(socket) {
      socket.handler = recorder;
      accepted(socket);
    },
    onAcceptError() {},
  });
  const raw = netConnect({ port: portOf(listener.address), host: "127.0.0.1", allowHalfOpen: true });
  const far = new Far(raw);
  return linked(await socket, recorder, far, () => listener.close());
}

async function linkByConnecting(runtime: Runtime): Promise<Link> {
  const recorder = new Recorder();
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const far = new Promise<Far>((resolve) => server.once("connection", (raw) => resolve(new Far(raw))));
  const { port } = server.address() as AddressInfo;
  const socket = await connected(runtime, { kind: "tcp", host: "127.0.0.1", port });
  socket.handler = recorder;
  return linked(socket, recorder, await far, async () => void server.close());
}

export function connected(runtime: Runtime, address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    runtime.connect(connectOptions(address), (error, socket) => {
      if (socket === null) reject(error);
      else resolve(socket);
    });
  });
}

export function linked(socket: Socket, recorder: Recorder, far: Far, stop: () => Promise<void>): Link {
  return {
    socket,
    recorder,
    far,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      far.raw.destroy();
      await stop();
      await recorder.untilClosed();
      strictEqual(recorder.events.filter((name) => name.startsWith("close")).length, 1, "closed once");
      strictEqual(recorder.events.at(-1)?.startsWith("close"), true, `close came last: ${recorder.events}`);
    },
  };
}

/** It has read `heard` and is paused; then come `unheard` and a reset. */
export async function resetWhilePaused(l: Link, heard: string, unheard: string): Promise<void> {
  l.socket.resume();
  l.far.raw.write(heard);
  await l.recorder.untilBytes(heard.length);
  l.socket.pause();
  l.far.raw.write(unheard);
  await aMoment(10);
  l.far.raw.resetAndDestroy();
  await aMoment();
}

/** Bytes whose every position can be told, so that order and loss show. */
export function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
  return bytes;
}

/** Both out of the midst of some memory. */
export function writePair(socket: Socket, first: Uint8Array, second: Uint8Array): boolean {
  const memory = new Uint8Array(first.length + second.length + 30);
  memory.set(first, 10);
  const secondAt = first.length + 20;
  memory.set(second, secondAt);
  socket.writeMore(memory, 10, 10 + first.length);
  return socket.writeRange(memory, secondAt, secondAt + second.length);
}
