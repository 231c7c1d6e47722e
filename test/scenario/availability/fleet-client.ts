/** Clients of a fleet: each request carries a nonce, and each ends in exactly one word that says how. */

import type { Peer } from "../../../testing/peer.ts";
import { seeResponses, valuesOf } from "../../../testing/reference-parser.ts";
import type { Simulation } from "../../../testing/sim.ts";
import { textOfBytes } from "../../../testing/wire.ts";

/**
 * How a request ended. `ok`: 200 with its own body, all of it. A number: another status, complete. `refused`: no
 * connection. `cut`: no byte of a response, and the connection over. `truncated`: a part of a response, and the
 * connection over. `foreign`: somebody else's nonce. `wrong-body`: complete, and not what the server sent.
 */
export type Ending = "ok" | "refused" | "cut" | "truncated" | "foreign" | "wrong-body" | "waiting" | `${number}`;

export interface Asked {
  readonly nonce: string;
  readonly method: string;
  readonly atMs: number;
  readonly peer: Peer;
  ending: Ending;
  /** From asked to ended. */
  tookMs: number;
  /** Who answered, by its name; `""` for the proxy itself. */
  server: string;
  /** Of the response, as spelled. */
  fields: readonly (readonly [string, string])[];
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: string;
  readonly fields?: readonly string[];
  /** Asks on this connection; a free one, or a new one, when left out. */
  readonly on?: Peer;
}

export class FleetClients {
  readonly asked: Asked[] = [];
  readonly peers: Peer[] = [];
  /** What every answer must carry beside its nonce. */
  readonly expectedBody: (nonce: string) => string;
  readonly #sim: Simulation;
  readonly #listen: string;
  readonly #free: Peer[] = [];
  readonly #current = new Map<Peer, { asked: Asked; text: string }>();

  constructor(sim: Simulation, listen: string, expectedBody: (nonce: string) => string) {
    this.#sim = sim;
    this.#listen = listen;
    this.expectedBody = expectedBody;
  }

  /** A connection of its own. */
  connect(): Peer {
    const peer = this.#sim.connect(this.#listen);
    this.peers.push(peer);
    peer.onReceive = (_peer, bytes) => this.#receive(peer, textOfBytes(bytes));
    peer.onLeave = (_peer, how) => this.#leave(peer, how);
    return peer;
  }

  ask(options: AskOptions = {}): Asked {
    const { method = "GET", body = "", fields = [] } = options;
    const peer = options.on ?? this.#takeFree();
    const asked: Asked = {
      nonce: `n${this.asked.length}x`,
      method,
      atMs: this.#sim.clock.now(),
      peer,
      ending: "waiting",
      tookMs: -1,
      server: "",
      fields: [],
    };
    this.asked.push(asked);
    this.#current.set(peer, { asked, text: "" });
    const lines = [`${method} /${asked.nonce} HTTP/1.1`, "Host: a", ...fields];
    if (body !== "" || method === "POST") lines.push(`Content-Length: ${body.length}`);
    peer.send(`${lines.join("\r\n")}\r\n\r\n${body}`);
    return asked;
  }

  /** How many ended how. */
  tally(asked: readonly Asked[] = this.asked): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { ending } of asked) counts[ending] = (counts[ending] ?? 0) + 1;
    return counts;
  }

  /** Connections that were never heard of: refused ones are only told by their connect. */
  settle(): void {
    for (const [peer, { asked }] of this.#current) {
      if (peer.connectError !== null) this.#end(peer, asked, "refused");
      else if (peer.isGone) this.#leave(peer, "reset");
    }
  }

  #takeFree(): Peer {
    for (let peer = this.#free.pop(); peer !== undefined; peer = this.#free.pop()) {
      if (!peer.isGone && peer.closed === null) return peer;
    }
    return this.connect();
  }

  #receive(peer: Peer, text: string): void {
    const current = this.#current.get(peer);
    if (current === undefined) return;
    current.text += text;
    this.#judge(peer, current, false);
  }

  #leave(peer: Peer, how: "end" | "reset"): void {
    const current = this.#current.get(peer);
    if (current === undefined || this.#judge(peer, current, how === "end")) return;
    this.#end(peer, current.asked, current.text === "" ? "cut" : "truncated");
  }

  /** Whether the response is complete. */
  #judge(peer: Peer, current: { asked: Asked; text: string }, hasEnded: boolean): boolean {
    const { asked } = current;
    const { messages, error } = seeResponses(current.text, [asked.method], hasEnded);
    if (error !== null) throw new Error(`${asked.nonce} got no HTTP: ${error}`);
    const response = messages.find(({ status }) => status >= 200);
    if (response === undefined) return false;
    asked.server = valuesOf(response.fields, "x-server")[0] ?? "";
    asked.fields = response.fields;
    this.#end(peer, asked, this.#endingOf(asked, response.status, response.body));
    const isKept = !valuesOf(response.fields, "connection").includes("close") && !hasEnded;
    if (isKept) this.#free.push(peer);
    return true;
  }

  #endingOf(asked: Asked, status: number, body: string): Ending {
    if ((body.match(/n\d+x/g) ?? []).some((nonce) => nonce !== asked.nonce)) return "foreign";
    if (status !== 200) return `${status}`;
    if (asked.method === "HEAD") return body === "" ? "ok" : "wrong-body";
    return body === this.expectedBody(asked.nonce) ? "ok" : "wrong-body";
  }

  #end(peer: Peer, asked: Asked, ending: Ending): void {
    this.#current.delete(peer);
    asked.ending = ending;
    asked.tookMs = this.#sim.clock.now() - asked.atMs;
  }
}
