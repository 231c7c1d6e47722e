import { Buffer } from "node:buffer";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { type Answer, decode, encode, type Packet } from "dns-packet";
import type { TcpAddress } from "../../core/runtime.ts";

/** A server of DNS in this process, on UDP and TCP of one port of the loopback, that answers as it is told. */
export interface StubDns {
  readonly address: TcpAddress;
  /** What is sent to a question: packets made of it, raw bytes, or nothing. */
  answer: (question: StubQuestion) => readonly (Partial<Packet> | Uint8Array)[];
  /** Every question, as `A app.internal udp`. */
  readonly questions: readonly string[];
  /** The ports questions came from, by UDP. */
  readonly ports: readonly number[];
  readonly ids: readonly number[];
  close(): Promise<void>;
}

export interface StubQuestion {
  readonly name: string;
  readonly type: string;
  readonly protocol: "udp" | "tcp";
  readonly id: number;
}

export const RCODE = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
/** The reply was cut. */
export const TRUNCATED = 1 << 9;

export async function startStubDns(): Promise<StubDns> {
  const questions: string[] = [];
  const ports: number[] = [];
  const ids: number[] = [];
  const { udp, tcp } = await bindBoth();
  const sockets = new Set<TcpSocket>();
  const { port } = tcp.address() as AddressInfo;
  const stub: StubDns = {
    address: { kind: "tcp", host: "127.0.0.1", port },
    answer: () => [],
    questions,
    ports,
    ids,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
  const repliesTo = (bytes: Uint8Array, protocol: "udp" | "tcp"): Uint8Array[] => {
    const packet = decode(Buffer.from(bytes));
    const { name, type } = packet.questions![0]!;
    const id = packet.id ?? 0;
    questions.push(`${type} ${name} ${protocol}`);
    ids.push(id);
    const replies = stub.answer({ name, type, protocol, id });
    return replies.map((reply) =>
      reply instanceof Uint8Array ? reply : encode({ id, type: "response", questions: packet.questions!, ...reply }),
    );
  };
  udp.on("message", (bytes, from) => {
    ports.push(from.port);
    for (const reply of repliesTo(bytes, "udp")) udp.send(reply, from.port, from.address);
  });
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      for (const reply of repliesTo(bytes.subarray(2), "tcp")) {
        socket.write(Uint8Array.of(reply.length >> 8, reply.length & 255));
        socket.write(reply);
      }
    });
  });
  return stub;
}

/** A UDP and a TCP socket of one number; the system chooses, so the second may find it taken. */
async function bindBoth(): Promise<{ udp: UdpSocket; tcp: Server }> {
  for (let tries = 0; ; tries++) {
    const tcp = createServer();
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const udp = createSocket("udp4");
    const isBound = await new Promise<boolean>((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind((tcp.address() as AddressInfo).port, "127.0.0.1", () => resolve(true));
    });
    if (isBound) return { udp, tcp };
    tcp.close();
    if (tries === 10) throw new Error("no port is free on both UDP and TCP");
  }
}

export function a(name: string, address: string, ttl = 60): Answer {
  return { type: "A", name, data: address, ttl };
}

export function aaaa(name: string, address: string, ttl = 60): Answer {
  return { type: "AAAA", name, data: address, ttl };
}

export function cname(name: string, target: string, ttl = 60): Answer {
  return { type: "CNAME", name, data: target, ttl };
}

export function srv(name: string, target: string, port: number, ttl = 60): Answer {
  return { type: "SRV", name, ttl, data: { target, port, priority: 10, weight: 5 } };
}

/** `rcode` goes into the lowest bits of the flags. */
export function failure(rcode: number): Partial<Packet> {
  return { flags: rcode };
}
