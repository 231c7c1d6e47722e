import type { Address, Listener, Runtime } from "../core/runtime.ts";
import { type Peer, type PeerOptions, peerOn } from "./peer.ts";
import { type SeenRequest, seeRequests } from "./reference-parser.ts";
import { textOfBytes } from "./wire.ts";

/**
 * A scripted HTTP/1.1 upstream on any `Runtime`. It keeps every byte it gets, judges them by the reference parser and
 * answers as the script says; without one, with a JSON description of the request.
 */
export interface Origin {
  readonly address: Address;
  readonly links: readonly OriginLink[];
  /** Complete requests over all connections, in order of arrival. */
  readonly requests: readonly ArrivedRequest[];
  /** One line per connection whose bytes are no HTTP. */
  errors(): string[];
  /** Forgets requests and closed links. */
  clear(): void;
  close(): Promise<void>;
}

export interface ArrivedRequest extends SeenRequest {
  readonly link: OriginLink;
}

/** One connection to the origin. */
export interface OriginLink {
  readonly number: number;
  readonly peer: Peer;
  readonly requests: readonly ArrivedRequest[];
  /** Everything received, as latin1 text. */
  readonly raw: string;
  /** What follows the last complete request. */
  readonly rest: string;
  readonly error: string | null;
  /** From now on what arrives is no HTTP, but goes to `onTunnel`. */
  becomeTunnel(): void;
}

export interface OriginScript {
  /** What to send; null: nothing, the script does it itself. */
  onRequest?(request: ArrivedRequest, link: OriginLink): string | Uint8Array | null;
  /** The first bytes with a complete head (of each request that is not complete yet). */
  onHead?(head: string, link: OriginLink): void;
  onConnect?(link: OriginLink): void;
  onTunnel?(text: string, link: OriginLink): void;
}

export async function createOrigin(
  runtime: Runtime,
  address: Address,
  script: OriginScript = {},
  options: PeerOptions = {},
): Promise<Origin> {
  const links: Link[] = [];
  const requests: ArrivedRequest[] = [];
  let accepted = 0;
  const listener: Listener = await runtime.listen(
    { address, backlog: 511, reusePort: false, highWaterBytes: 65_536, tls: null },
    {
      onSocket(socket) {
        const link = new Link(++accepted, peerOn(socket, options), script, requests);
        links.push(link);
        script.onConnect?.(link);
      },
      onAcceptError() {},
    },
  );
  return {
    address: listener.address,
    links,
    requests,
    errors: () => links.flatMap((link) => (link.error === null ? [] : [`connection ${link.number}: ${link.error}`])),
    clear() {
      requests.length = 0;
      for (let i = links.length - 1; i >= 0; i--) if (links[i]?.peer.isGone) links.splice(i, 1);
      for (const link of links) link.clear();
    },
    async close() {
      await listener.close();
      for (const link of links) link.peer.destroy();
    },
  };
}

/** A short 200 that says what was seen: `{"method":…,"target":…,"bodyBytes":…}`. */
export function describeRequest(request: SeenRequest): string {
  const seen = { method: request.method, target: request.target, bodyBytes: request.body.length };
  const body = JSON.stringify(seen);
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return request.method === "HEAD" ? head : head + body;
}

class Link implements OriginLink {
  readonly number: number;
  readonly peer: Peer;
  requests: ArrivedRequest[] = [];
  raw = "";
  rest = "";
  error: string | null = null;
  #isTunnel = false;
  #announcedHead = false;
  readonly #script: OriginScript;
  readonly #all: ArrivedRequest[];

  constructor(number: number, peer: Peer, script: OriginScript, all: ArrivedRequest[]) {
    this.number = number;
    this.peer = peer;
    this.#script = script;
    this.#all = all;
    peer.onReceive = (_peer, bytes) => this.#receive(textOfBytes(bytes));
  }

  becomeTunnel(): void {
    this.#isTunnel = true;
  }

  clear(): void {
    this.requests = [];
    this.raw = "";
    this.peer.clear();
  }

  #receive(text: string): void {
    this.raw += text;
    if (this.#isTunnel) {
      this.#script.onTunnel?.(text, this);
      return;
    }
    this.rest += text;
    if (this.error !== null || !mayComplete(this.rest)) return;
    const seen = seeRequests(this.rest);
    this.rest = seen.rest;
    this.error = seen.error;
    if (seen.messages.length > 0) this.#announcedHead = false;
    for (const message of seen.messages) {
      const request = { ...message, link: this };
      this.requests.push(request);
      this.#all.push(request);
      const answer = this.#script.onRequest ? this.#script.onRequest(request, this) : describeRequest(request);
      if (answer !== null) this.peer.send(answer);
    }
    if (this.#announcedHead || this.rest === "") return;
    const headEnd = this.rest.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    this.#announcedHead = true;
    this.#script.onHead?.(this.rest.slice(0, headEnd + 4), this);
  }
}

/**
 * Parsing anew at every byte of a long chunked body would be quadratic; a message with one can only be complete
 * where its last line is.
 */
function mayComplete(rest: string): boolean {
  if (rest.length < 4096 || !/\r\ntransfer-encoding:/i.test(rest.slice(0, 4096))) return true;
  return rest.endsWith("\r\n\r\n");
}
