/**
 * A request body on its way: held until there is a connection, then passed on. As long as a second try is allowed a
 * bounded copy is kept, because what was written belongs to the adapter.
 */

export class RequestBody {
  /** Came before there was a connection; the client is held meanwhile, so this is one turn's worth. */
  readonly #pending: Uint8Array[] = [];
  #copies: Uint8Array[] | null;
  #copiedBytes = 0;
  readonly #replayBytesMax: number;
  receivedBytes = 0;
  isComplete = false;

  /** 0 keeps no copy. */
  constructor(replayBytesMax: number) {
    this.#replayBytesMax = replayBytesMax;
    this.#copies = replayBytesMax > 0 ? [] : null;
  }

  /** Whether everything received so far could be sent a second time. */
  get isReplayable(): boolean {
    return this.#copies !== null;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.#copies === null) return;
    this.#copiedBytes += end - start;
    if (this.#copiedBytes > this.#replayBytesMax) this.forget();
    else this.#copies.push(bytes.slice(start, end));
  }

  keep(bytes: Uint8Array): void {
    this.#pending.push(bytes);
  }

  /** What was kept for lack of a connection, once. */
  takePending(): Uint8Array[] {
    return this.#pending.splice(0);
  }

  /** Everything again, for another connection. */
  replay(): Uint8Array[] {
    if (this.#copies === null) throw new Error("a request body without copies was to be sent again");
    this.#pending.length = 0;
    return this.#copies.map((bytes) => bytes.slice());
  }

  /** No second try will be made. */
  forget(): void {
    this.#copies = null;
  }
}
