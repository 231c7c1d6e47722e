/** What is known about a client connection beyond HTTP, kept between its requests. */

import { equalsText } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import type { ClientConnection } from "../h1/client.ts";
import { UNIX_CLIENT } from "../http/address-block.ts";
import { FieldBlock, FieldLine } from "../http/outgoing.ts";
import type { ClientWriter } from "../http/wire.ts";
import type { Socket } from "../runtime.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";

export class ClientSide {
  // What each request asks for comes first: it lies in two lines of the caches.
  readonly connection: ClientWriter;
  /** A connection that NTLM or Negotiate has tied to this client, and where it leads (row P08). */
  #bound: ClientConnection | null = null;
  /** The peer's address, or `unix`. */
  readonly address: string;
  #block: FieldBlock | null = null;
  /** What the block ends with, and where in it the host stands: to look at nothing but what is copied. */
  #blockVia: FieldLine | null = null;
  #blockHostAt = 0;
  #blockHostEnd = 0;
  #boundTo: Endpoint | null = null;
  /** Name of the listener it came in by. A reload may change it. */
  listener: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  // X-Forwarded-…: the same for every request of a connection whose peer isn't a trusted proxy.
  readonly forwardedFor: FieldLine;
  readonly forwardedProto: FieldLine;
  readonly realIp: FieldLine;
  #forwardedHost: FieldLine | null = null;

  constructor(connection: ClientWriter, socket: Pick<Socket, "peer" | "tls">, listener: string) {
    this.connection = connection;
    this.listener = listener;
    const { peer } = socket;
    this.address = peer.kind === "tcp" ? plainAddress(peer.host) : UNIX_CLIENT;
    this.port = peer.kind === "tcp" ? peer.port : 0;
    this.scheme = socket.tls === null ? "http" : "https";
    this.forwardedFor = new FieldLine("X-Forwarded-For", this.address);
    this.forwardedProto = new FieldLine("X-Forwarded-Proto", this.scheme);
    this.realIp = new FieldLine("X-Real-IP", this.address);
  }

  /** `X-Forwarded-Host` for a host as received; clients stay with one host, so the last line is kept. */
  forwardedHost(bytes: Uint8Array, start: number, end: number): FieldLine {
    if (this.#forwardedHost === null || !equalsText(bytes, start, end, this.#forwardedHost.value))
      this.#forwardedHost = new FieldLine("X-Forwarded-Host", latin1(bytes, start, end));
    return this.#forwardedHost;
  }

  /** All that is said of this client to servers while nobody vouches for another one, and `via` behind it. */
  forwardedBlock(bytes: Uint8Array, hostStart: number, hostEnd: number, via: FieldLine | null): FieldBlock {
    const block = this.#block;
    if (block !== null && this.#blockVia === via && this.#isBlockFor(block.bytes, bytes, hostStart, hostEnd))
      return block;
    const lines = [this.forwardedFor, this.forwardedProto, this.realIp];
    const at = lines.reduce((length, line) => length + line.length, 0) + "X-Forwarded-Host: ".length;
    if (hostEnd > hostStart) lines.push(this.forwardedHost(bytes, hostStart, hostEnd));
    if (via !== null) lines.push(via);
    this.#blockVia = via;
    this.#blockHostAt = at;
    this.#blockHostEnd = at + hostEnd - hostStart;
    this.#block = new FieldBlock(lines);
    return this.#block;
  }

  #isBlockFor(block: Uint8Array, bytes: Uint8Array, hostStart: number, hostEnd: number): boolean {
    const distance = this.#blockHostAt - hostStart;
    if (this.#blockHostEnd - distance !== hostEnd) return false;
    for (let at = hostStart; at < hostEnd; at++) if (bytes[at] !== block[at + distance]) return false;
    return true;
  }

  /** From here on `connection`, which leads to `endpoint`, is this client's alone. */
  bind(connection: ClientConnection, endpoint: Endpoint): void {
    this.#bound = connection;
    this.#boundTo = endpoint;
  }

  /** Where the bound connection leads, if that is one of this group: whom to ask is settled then. */
  boundEndpoint(group: Group): Endpoint | null {
    const boundTo = this.#boundTo;
    if (boundTo === null || this.#bound === null || this.#bound.isClosed) return null;
    return group.endpoints.includes(boundTo) ? boundTo : null;
  }

  /** The bound connection if it leads to `endpoint`; a client that now talks to another server loses it. */
  takeBound(endpoint: Endpoint): ClientConnection | null {
    const bound = this.#bound;
    this.#bound = null;
    if (bound === null || bound.isClosed) return null;
    if (this.#boundTo === endpoint) return bound;
    bound.close();
    return null;
  }

  closeBound(): void {
    this.#bound?.close();
    this.#bound = null;
  }
}

/** Adapters tell no `::ffff:192.0.2.1` and no `fe80::1%eth0`; who brings a socket of its own, or asks `explain`, may. */
function plainAddress(host: string): string {
  if (host.includes("%")) return host.slice(0, host.indexOf("%"));
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice("::ffff:".length) : host;
}
