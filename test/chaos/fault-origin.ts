import { createServer, type Server, type Socket } from "node:net";
import { within } from "../e2e/wait.ts";
import { type DeafListener, startDeafListener } from "./deaf-listener.ts";
import type { Ledger } from "./ledger.ts";
import { OriginConnection } from "./origin-connection.ts";
import { isAboutConnections, OK, type Plan, parsePlan } from "./plan.ts";

/**
 * An upstream that fails as it is told, on raw sockets, at an address of its own. It keeps its port through every
 * kind of failure.
 */
export class FaultOrigin {
  readonly host: string;
  readonly ledger: Ledger;
  port = 0;
  plan: Plan = OK;
  connectionsAccepted = 0;
  requests = 0;
  healthChecks = 0;
  readonly #connections = new Set<OriginConnection>();
  #server: Server | null = null;
  #deaf: DeafListener | null = null;
  #flapping: ReturnType<typeof setInterval> | null = null;
  /** Changes of plan one after the other: closing and opening a port take a moment. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(host: string, ledger: Ledger) {
    this.host = host;
    this.ledger = ledger;
  }

  static async start(host: string, ledger: Ledger): Promise<FaultOrigin> {
    const origin = new FaultOrigin(host, ledger);
    await origin.#open();
    return origin;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  /** From now on; connections that are there stay, and their next requests follow it, too. */
  follow(text: string): Promise<void> {
    const plan = parsePlan(text);
    return this.#inTurn(async () => {
      await this.#leave();
      this.plan = plan;
      if (plan.kind === "refuse") await this.#close();
      else if (plan.kind === "hang-accept") {
        await this.#close();
        this.#deaf = await startDeafListener(this.host, this.port);
      } else {
        await this.#open();
        if (plan.kind === "flap") this.#flap(plan.periodMs);
      }
    });
  }

  /** As a process that is killed: nobody listens, and every connection is gone. */
  async kill(): Promise<void> {
    await this.follow("refuse");
    this.sever();
  }

  /** Ends every connection that is there. */
  sever(): void {
    for (const connection of this.#connections) connection.socket.resetAndDestroy();
  }

  revive(): Promise<void> {
    return this.follow("ok");
  }

  async stop(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#leave();
      await this.#close();
    });
    for (const connection of this.#connections) connection.socket.destroy();
  }

  /** Of one request, told by its own plan or by ours. */
  planFor(told: string | null): Plan {
    if (told !== null) return parsePlan(told);
    return isAboutConnections(this.plan) ? OK : this.plan;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #flap(periodMs: number): void {
    let isUp = true;
    this.#flapping = setInterval(() => {
      isUp = !isUp;
      void this.#inTurn(async () => {
        if (this.#flapping === null) return;
        if (isUp) await this.#open();
        else {
          await this.#close();
          this.sever();
        }
      });
    }, periodMs);
  }

  async #leave(): Promise<void> {
    if (this.#flapping !== null) clearInterval(this.#flapping);
    this.#flapping = null;
    const deaf = this.#deaf;
    this.#deaf = null;
    await deaf?.close();
  }

  async #open(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await within(
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: this.host, port: this.port, backlog: 511 }, resolve);
      }),
      `listening on ${this.address}`,
    );
    const address = server.address();
    if (typeof address === "object" && address !== null) this.port = address.port;
  }

  /** The port is free at once; connections that were accepted live on. */
  async #close(): Promise<void> {
    this.#server?.close();
    this.#server = null;
  }

  #accept(socket: Socket): void {
    this.connectionsAccepted++;
    if (this.plan.kind === "rst-on-accept") {
      socket.on("error", () => {});
      socket.resetAndDestroy();
      return;
    }
    const connection = new OriginConnection(socket, this);
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }
}
