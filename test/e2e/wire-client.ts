import { connect, type Socket } from "node:net";
import { printable } from "../../testing/wire.ts";
import { until, within } from "./wait.ts";

/** A raw connection: sends exactly what it is told, keeps what comes, and closes only when told. */
export interface WireClient {
  /** Text as latin1: one byte per character. */
  send(text: string | Uint8Array): void;
  end(): void;
  reset(): void;
  destroy(): void;
  stopReading(): void;
  readOn(): void;
  /** Everything received, one character per byte. */
  readonly text: string;
  readonly hasEnded: boolean;
  readonly isClosed: boolean;
  /** The code of the error that ended it. */
  readonly error: string | null;
  /** Waits until what came matches. */
  receives(pattern: RegExp | string, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Waits for the other side's FIN, or for the end of the connection. */
  ended(timeoutMs?: number): Promise<void>;
}

export async function connectWire(to: number | string): Promise<WireClient> {
  const socket: Socket =
    typeof to === "number"
      ? connect({ port: to, host: "127.0.0.1", allowHalfOpen: true })
      : connect({ path: to, allowHalfOpen: true });
  const pieces: string[] = [];
  let text = "";
  let hasEnded = false;
  let isClosed = false;
  let error: string | null = null;
  const whole = () => {
    if (pieces.length > 0) text += pieces.splice(0).join("");
    return text;
  };
  socket.setEncoding("latin1");
  socket.on("data", (piece) => pieces.push(String(piece)));
  socket.on("end", () => {
    hasEnded = true;
  });
  socket.on("close", () => {
    isClosed = true;
  });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.on("error", (reason: Error & { code?: string }) => {
      error = reason.code ?? reason.message;
      reject(reason);
    });
  });
  await within(connected, `connecting to ${to}`);
  return {
    send: (data) => void socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    destroy: () => void socket.destroy(),
    stopReading: () => void socket.pause(),
    readOn: () => void socket.resume(),
    get text() {
      return whole();
    },
    get hasEnded() {
      return hasEnded;
    },
    get isClosed() {
      return isClosed;
    },
    get error() {
      return error;
    },
    receives(pattern, timeoutMs) {
      const wanted = typeof pattern === "string" ? literal(pattern) : pattern;
      return until(
        () => {
          const found = wanted.exec(whole());
          if (found === null && isClosed) throw new Error(`closed before ${wanted}: ${printable(text)}`);
          return found;
        },
        () => `${wanted} in ${printable(text)}`,
        timeoutMs,
      );
    },
    async ended(timeoutMs) {
      await until(
        () => hasEnded || isClosed,
        () => `the end of the connection after ${printable(text)}`,
        timeoutMs,
      );
    },
  };
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}
