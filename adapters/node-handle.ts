/**
 * The handles behind net.Socket, as far as accepted connections use them, and a way to what they tell: how a read or a
 * write went stands in numbers that Node shares with its own code only. Where this Node keeps them elsewhere the way is
 * null, and accepted connections are net.Sockets.
 */
import type { Server } from "node:net";

/** One connection of the kernel, without a stream around it. Calls that can fail answer 0 or an errno. */
export interface TcpHandle {
  readonly fd: number;
  /** What the kernel has not taken of all that was written. */
  readonly writeQueueSize: number;
  onread: (this: TcpHandle) => void;
  /** Ours: who hears of it. */
  owner: unknown;
  useUserBuffer(room: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  shutdown(request: HandleRequest): number;
  getpeername(out: SocketName): number;
  getsockname(out: SocketName): number;
  /** `closed` comes later, with the handle as `this`. */
  close(closed?: (this: TcpHandle) => void): void;
  reset(closed: (this: TcpHandle) => void): number;
}

export interface HandleRequest {
  oncomplete: (this: HandleRequest, status: number) => void;
  /** Ours. */
  owner: unknown;
  /** What is written from has to stay as long as the request. */
  bytes?: Uint8Array;
}

export interface SocketName {
  readonly address?: string;
  readonly port?: number;
}

type OnConnection = (this: ServerHandle, status: number, handle: TcpHandle | undefined) => void;

interface ServerHandle {
  onconnection?: OnConnection;
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, seconds: number): number;
}

interface StreamNumbers {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly WriteWrap: new () => HandleRequest;
  readonly ShutdownWrap: new () => HandleRequest;
}

export const UV_EOF = -4095;

/** Node 20 tells a reset behind bytes as an end (`node-hidden-reset.ts`); it keeps its net.Sockets. */
const numbers = Number.parseInt(process.versions.node, 10) >= 24 ? findNumbers() : null;

function findNumbers(): StreamNumbers | null {
  const { binding } = process as unknown as { binding?(name: string): unknown };
  try {
    const found = binding?.call(process, "stream_wrap") as Partial<StreamNumbers> | undefined;
    const isWhole =
      found?.streamBaseState !== undefined &&
      found.kReadBytesOrError !== undefined &&
      found.kLastWriteWasAsync !== undefined &&
      found.WriteWrap !== undefined &&
      found.ShutdownWrap !== undefined;
    return isWhole ? (found as StreamNumbers) : null;
  } catch {
    return null; // forbidden (`--permission`), or gone
  }
}

const state = numbers?.streamBaseState ?? new Int32Array(0);
const readAt = numbers?.kReadBytesOrError ?? 0;
const asyncAt = numbers?.kLastWriteWasAsync ?? 0;

/** In `onread`: how many bytes came, or an errno. */
export function readLength(): number {
  return state[readAt] as number;
}

/** Directly after a write: whether `oncomplete` will come, because the kernel did not take all of it. */
export function isWriteQueued(): boolean {
  return state[asyncAt] !== 0;
}

export function newWrite(): HandleRequest {
  return new numbers!.WriteWrap();
}

export function newShutdown(): HandleRequest {
  return new numbers!.ShutdownWrap();
}

/**
 * From now on connections of `server` come as handles, failures to accept as ever. False where that is not possible, and
 * nothing was changed.
 */
export function acceptHandles(server: Server, onHandle: (handle: TcpHandle) => void): boolean {
  const listening = handleOf(server);
  const ordinary = listening?.onconnection;
  if (numbers === null || ordinary === undefined) return false;
  listening!.onconnection = function (status, handle) {
    if (status !== 0 || handle === undefined) ordinary.call(this, status, handle);
    else onHandle(handle);
  };
  return true;
}

/**
 * TCP_NODELAY and keep-alive for all that `server` accepts: on Linux connections have the options of their listener, which
 * saves five system calls for each. False where they don't or nobody can tell.
 */
export function passOnOptions(server: Server, keepAliveMs: number): boolean {
  const listening = handleOf(server);
  if (process.platform !== "linux" || typeof listening?.setNoDelay !== "function") return false;
  if (typeof listening.setKeepAlive !== "function" || listening.setNoDelay(true) !== 0) return false;
  return keepAliveMs === 0 || listening.setKeepAlive(true, Math.floor(keepAliveMs / 1000)) === 0;
}

function handleOf(server: Server): ServerHandle | null {
  return (server as unknown as { readonly _handle: ServerHandle | null })._handle;
}
