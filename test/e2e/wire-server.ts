import { createServer, type Socket } from "node:net";
import { within } from "./wait.ts";

/** A raw server: keeps every byte, and answers each complete head as the script says. */
export interface WireServer {
  readonly port: number;
  /** Over all connections. */
  received: string;
  readonly connections: number;
  /** What to send for a head; null: nothing. */
  script: (head: string, socket: Socket) => string | null;
  stop(): Promise<void>;
}

export async function startWireServer(): Promise<WireServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let rest = "";
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (piece) => {
      wire.received += String(piece);
      rest += String(piece);
      for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
        const head = rest.slice(0, end + 4);
        rest = rest.slice(end + 4);
        const answer = wire.script(head, socket);
        if (answer !== null) socket.write(answer, "latin1");
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const wire: WireServer = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    received: "",
    get connections() {
      return sockets.size;
    },
    script: () => null,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await within(new Promise<void>((resolve) => server.close(() => resolve())), "the end of a server");
    },
  };
  return wire;
}
