/**
 * The floor the proxy is measured against: bytes through, one upstream connection per client connection, no HTTP.
 *
 *   node --import tsx bench/pipe.ts --listen PORT --to PORT
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { loadRuntime } from "../adapters/mod.ts";
import type { Address, Socket, SocketError, SocketHandler } from "../core/runtime.ts";

const { values } = parseArgs({ options: { listen: { type: "string" }, to: { type: "string" } } });
if (values.listen === undefined || values.to === undefined) {
  console.error("usage: bench/pipe.ts --listen PORT --to PORT");
  process.exit(2);
}

const HIGH_WATER_BYTES = 65536;
const to: Address = { kind: "tcp", host: "127.0.0.1", port: Number(values.to) };
const runtime = await loadRuntime();

/** One direction pair: what arrives on a socket goes to the other one. */
class Pipe implements SocketHandler {
  readonly client: Socket;
  upstream: Socket | null = null;

  constructor(client: Socket) {
    this.client = client;
    client.handler = this;
    runtime.connect({ address: to, highWaterBytes: HIGH_WATER_BYTES, tls: null }, (error, upstream) => {
      if (upstream === null) {
        console.error("upstream:", error?.code);
        client.destroy();
        return;
      }
      this.upstream = upstream;
      upstream.handler = this;
      upstream.resume();
      client.resume();
    });
  }

  #other(socket: Socket): Socket | null {
    return socket === this.client ? this.upstream : this.client;
  }

  onData(socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    if (this.#other(socket)?.writeRange(bytes, start, end) === false) socket.pause();
    socket.release(bytes);
  }

  onDrain(socket: Socket): void {
    this.#other(socket)?.resume();
  }

  onEnd(socket: Socket): void {
    this.#other(socket)?.end();
  }

  onClose(socket: Socket, _error: SocketError | null): void {
    this.#other(socket)?.destroy();
  }
}

const listener = await runtime.listen(
  {
    address: { kind: "tcp", host: "127.0.0.1", port: Number(values.listen) },
    backlog: 511,
    reusePort: false,
    highWaterBytes: HIGH_WATER_BYTES,
    tls: null,
  },
  {
    onSocket: (client) => void new Pipe(client),
    onAcceptError: (error) => console.error("accept:", error.code),
  },
);
console.log(`${runtime.name} ${runtime.version}: pipe listens`, listener.address);
