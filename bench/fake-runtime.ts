/** A runtime without a kernel: sockets only hand bytes over, and count. What is left is the cost of our own code. */

import type { Address, ListenHandler, Runtime, Socket, SocketHandler } from "../core/runtime.ts";

export const REQUEST = new TextEncoder().encode("GET /small HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n\r\n");
export const RESPONSE = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 05:29:17 GMT\r\nContent-Type: text/plain\r\n" +
    "Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n",
);
const ADDRESS: Address = { kind: "tcp", host: "127.0.0.1", port: 1 };

export class FakeSocket implements Socket {
  handler: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
  readonly local = ADDRESS;
  readonly peer = ADDRESS;
  readonly tls = null;
  readonly queuedBytes = 0;
  readonly #onWrite: () => void;

  constructor(onWrite: () => void) {
    this.#onWrite = onWrite;
  }
  write(): boolean {
    this.#onWrite();
    return true;
  }
  writeRange(): boolean {
    this.#onWrite();
    return true;
  }
  writeMore(): void {}
  release(): void {}
  end(): void {}
  endAndClose(): boolean {
    return true;
  }
  destroy(): void {}
  reset(): void {}
  pause(): void {}
  restReading(): boolean {
    return false;
  }
  resume(): void {}
}

export class FakeWorld {
  /** The connection to a server that was written to last. */
  asked: FakeSocket | null = null;
  /** Every connection to a server. */
  readonly servers = new Set<FakeSocket>();
  writesToServers = 0;
  writesToClients = 0;
  readonly runtime: Runtime;
  #accepting: ListenHandler | null = null;

  constructor() {
    this.runtime = {
      name: "bench",
      version: "0",
      capabilities: { reusePort: false, reset: true, connectAbort: true, acceptPause: false, keepAliveDelay: true },
      listen: (_options, handler) => {
        this.#accepting = handler;
        return Promise.resolve({
          address: ADDRESS,
          pause() {},
          resume() {},
          isReachable: () => true,
          close: () => Promise.resolve(),
        });
      },
      connect: (_options, done) => {
        const socket = new FakeSocket(() => this.#askedOn(socket));
        queueMicrotask(() => {
          this.servers.add(socket);
          done(null, socket);
        });
        return { cancel() {} };
      },
      resolve: () => ({ cancel() {} }),
      isWritten: () => true,
      now: () => performance.now(),
      wallClockMs: () => Date.now(),
      random: () => Math.random(),
      randomBytes: (length) => new Uint8Array(length),
      hmacSha256: () => new Uint8Array(32),
      every: () => ({ stop() {} }),
      descriptorsMax: () => null,
      memoryLoad: () => null,
    };
  }

  /** A client that has connected. */
  connect(): FakeSocket {
    const client = new FakeSocket(() => void this.writesToClients++);
    this.#accepting?.onSocket(client);
    return client;
  }

  /** One request and its response, both over connections that are there already. */
  exchange(client: FakeSocket): void {
    client.handler.onData(client, REQUEST.slice(), 0, REQUEST.length);
    const asked = this.asked as FakeSocket;
    asked.handler.onData(asked, RESPONSE.slice(), 0, RESPONSE.length);
  }

  #askedOn(socket: FakeSocket): void {
    this.asked = socket;
    this.writesToServers++;
  }
}
