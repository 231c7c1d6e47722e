/** What arrived at the origins of a scenario, by the nonce of each request: who was sent twice. */
export class Ledger {
  /** Complete request heads, health checks left out. */
  arrivals = 0;
  readonly #byNonce = new Map<string, Arrival>();

  note(nonce: string, method: string, origin: string): void {
    this.arrivals++;
    const before = this.#byNonce.get(nonce);
    if (before === undefined) this.#byNonce.set(nonce, { method, origins: [origin] });
    else before.origins.push(origin);
  }

  /** How many tries of this request arrived. */
  triesOf(nonce: string): number {
    return this.#byNonce.get(nonce)?.origins.length ?? 0;
  }

  /** Requests of a method that may not be done twice which arrived more than once. */
  duplicates(): string[] {
    const twice: string[] = [];
    for (const [nonce, { method, origins }] of this.#byNonce) {
      if (origins.length > 1 && !IDEMPOTENT.has(method)) twice.push(`${method} ${nonce} at ${origins.join(", ")}`);
    }
    return twice;
  }
}

/** RFC 9110, section 9.2.2. */
export const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);

interface Arrival {
  readonly method: string;
  readonly origins: string[];
}
