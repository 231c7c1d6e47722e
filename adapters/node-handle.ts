/**
 * The handles behind net.Socket, and a way to what they tell: how a read or a write went stands in numbers that Node shares
 * with its own code only. Where this Node keeps them elsewhere the way is null, and connections are net.Sockets.
 */
import { isIP, type Server } from "node:net";
import type { Address } from "../core/runtime.ts";
import { tcpAddress } from "./socket-error.ts";

/** One connection of the kernel, without a stream around it. Calls that can fail answer 0 or an errno. */
export interface SocketHandle {
  readonly fd: number;
  /** What the kernel has not taken of all that was written. */
  readonly writeQueueSize: number;
  onread: (this: SocketHandle) => void;
  /** Ours: who hears of it. */
  owner: unknown;
  useUserBuffer(room: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  writev(request: HandleRequest, pieces: readonly Uint8Array[], areBuffers: true): number;
  shutdown(request: HandleRequest): number;
  /** These of TCP only. */
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, seconds: number): number;
  getpeername?(out: SocketName): number;
  getsockname?(out: SocketName): number;
  reset?(closed: (this: SocketHandle) => void): number;
  /** `closed` comes later, with the handle as `this`. */
  close(closed?: (this: SocketHandle) => void): void;
}

export interface HandleRequest {
  oncomplete: (this: HandleRequest, status: number) => void;
  /** Ours. */
  owner: unknown;
  /** What is written from has to stay as long as the request. */
  bytes?: readonly Uint8Array[];
}

export interface SocketName {
  readonly address?: string;
  readonly port?: number;
}

type OnConnection = (this: ServerHandle, status: number, handle: SocketHandle | undefined) => void;

/** To be given to `Server.listen`. */
export type ListeningHandle = Pick<SocketHandle, "close">;

interface ServerHandle {
  onconnection?: OnConnection;
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, seconds: number): number;
}

export interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void;
  /** Ours. */
  owner: unknown;
}

interface ConnectingHandle extends SocketHandle {
  bind(host: string, port: number, flags: number): number;
  bind6(host: string, port: number, flags: number): number;
  connect(request: ConnectRequest, hostOrPath: string, port?: number): number;
  connect6(request: ConnectRequest, host: string, port: number): number;
}

interface StreamNumbers {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly WriteWrap: new () => HandleRequest;
  readonly ShutdownWrap: new () => HandleRequest;
}

export const UV_EOF = -4095;

/** New handles of one kind, and their requests. */
interface Makers {
  readonly Handle: new (kind: number) => ConnectingHandle;
  readonly ConnectWrap: new () => ConnectRequest;
}

/** What Node's constants call SOCKET and SERVER. */
const SOCKET_KIND = 0;
const SERVER_KIND = 1;

/** Node 20 tells a reset behind bytes as an end (`node-hidden-reset.ts`), and Windows has no descriptors: net.Sockets there. */
const isForHandles = Number.parseInt(process.versions.node, 10) >= 24 && process.platform !== "win32";
const numbers = isForHandles ? findNumbers() : null;
const tcpMakers = numbers === null ? null : findMakers("tcp_wrap", "TCP", "TCPConnectWrap");
const unixMakers = numbers === null ? null : findMakers("pipe_wrap", "Pipe", "PipeConnectWrap");

/** Of `bind`: with SO_REUSEPORT. */
const sharingFlag = numbers === null ? undefined : findSharingFlag();

function findSharingFlag(): number | undefined {
  const found = bindingOf("tcp_wrap") as { readonly constants?: { readonly UV_TCP_REUSEPORT?: number } } | undefined;
  return found?.constants?.UV_TCP_REUSEPORT;
}

function findMakers(module: string, handleName: string, requestName: string): Makers | null {
  const found = bindingOf(module) as Readonly<Record<string, unknown>> | undefined;
  const Handle = found?.[handleName];
  const ConnectWrap = found?.[requestName];
  return typeof Handle === "function" && typeof ConnectWrap === "function" ? ({ Handle, ConnectWrap } as Makers) : null;
}

function findNumbers(): StreamNumbers | null {
  const found = bindingOf("stream_wrap") as Partial<StreamNumbers> | undefined;
  const isWhole =
    found?.streamBaseState !== undefined &&
    found.kReadBytesOrError !== undefined &&
    found.kLastWriteWasAsync !== undefined &&
    found.WriteWrap !== undefined &&
    found.ShutdownWrap !== undefined;
  return isWhole ? (found as StreamNumbers) : null;
}

/** Undefined where it is forbidden (`--permission`), gone, or may end the process (`--pending-deprecation --throw-deprecation`). */
function bindingOf(module: string): unknown {
  const { binding, throwDeprecation } = process as unknown as {
    binding?(name: string): unknown;
    readonly throwDeprecation?: boolean;
  };
  try {
    return throwDeprecation === true ? undefined : binding?.call(process, module);
  } catch {
    return undefined;
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

/** Whom `handle` of TCP is connected to. */
export function peerOf(handle: SocketHandle): Address {
  const name: SocketName = {};
  handle.getpeername?.(name);
  return tcpAddress(name.address, name.port);
}

let unused: HandleRequest | null = null;

/** For one write. Node takes it only for what the kernel does not take at once; otherwise it serves the next write, too. */
export function unusedWrite(): HandleRequest {
  unused ??= new numbers!.WriteWrap();
  return unused;
}

/** The last `unusedWrite` was taken, or its write has failed. */
export function useWrite(): void {
  unused = null;
}

export function newShutdown(): HandleRequest {
  return new numbers!.ShutdownWrap();
}

/** A connection under way: `request` hears how it went, unless `status` is an errno already. */
export interface HandleConnect {
  readonly handle: SocketHandle;
  readonly status: number;
}

/** Null where that is not possible. */
export function connectHandle(to: Address, owner: unknown, told: ConnectRequest["oncomplete"]): HandleConnect | null {
  const makers = to.kind === "unix" ? unixMakers : tcpMakers;
  const family = to.kind === "unix" ? 0 : isIP(to.host);
  if (makers === null || (to.kind === "tcp" && family === 0)) return null;
  const handle = new makers.Handle(SOCKET_KIND);
  const request = new makers.ConnectWrap();
  request.owner = owner;
  request.oncomplete = told;
  if (to.kind === "unix") return { handle, status: handle.connect(request, to.path) };
  const { host, port } = to;
  return { handle, status: family === 6 ? handle.connect6(request, host, port) : handle.connect(request, host, port) };
}

/**
 * So many handles bound to one port, which they share: to be listened on in the same turn. None where that can't be done, or
 * somebody has the port: those who share one are not told so, hence one that doesn't share tries it first. It does not listen:
 * whoever knocks until somebody does must not be let in and reset.
 */
export function sharingHandles(host: string, port: number, count: number): ListeningHandle[] {
  if (tcpMakers === null || sharingFlag === undefined) return [];
  if (port !== 0) {
    const alone = boundHandle(host, port, 0);
    if (alone === null) return [];
    alone.close();
  }
  const handles: ListeningHandle[] = [];
  for (let at = port; handles.length < count; ) {
    const handle = boundHandle(host, at, sharingFlag);
    if (handle === null) break; // with fewer it is dearer, and nothing else
    handles.push(handle);
    at = portOf(handle);
  }
  return handles;
}

function boundHandle(host: string, port: number, flags: number): ConnectingHandle | null {
  const handle = new tcpMakers!.Handle(SERVER_KIND);
  const status =
    isIP(host) === 4 ? handle.bind(host, port, flags) : handle.bind6(host === "" ? "::" : host, port, flags);
  // That a port is taken libuv tells of later: here it has none yet.
  if (status === 0 && portOf(handle) !== 0) return handle;
  handle.close();
  return null;
}

/** 0 where it is not bound. */
function portOf(handle: SocketHandle): number {
  const name: SocketName = {};
  return handle.getsockname?.(name) === 0 ? (name.port ?? 0) : 0;
}

/**
 * From now on connections of `server` come as handles, failures to accept as ever. False where that is not possible, and
 * nothing was changed.
 */
export function acceptHandles(server: Server, onHandle: (handle: SocketHandle) => void): boolean {
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
