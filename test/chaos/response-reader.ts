import { Buffer } from "node:buffer";

/** One response as a client reads it: strict, and only what the load client needs of HTTP/1.1. */
export interface SeenResponse {
  readonly status: number;
  readonly nonce: string | null;
  readonly retryAfter: string | null;
  readonly body: Buffer;
  /** The connection may serve another request. */
  readonly keepsAlive: boolean;
}

export class ResponseReader {
  #rest: Buffer = Buffer.alloc(0);
  #head: Head | null = null;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  /** Anything of a response came that is not complete. */
  get hasBegun(): boolean {
    return this.#head !== null || this.#rest.length > 0;
  }

  /** A complete response, null when there is more to come; throws when it is none. */
  take(bytes: Buffer, method: string): SeenResponse | null {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#head === null) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return null;
      const head = readHead(this.#rest.toString("latin1", 0, end + 2), method === "HEAD");
      this.#rest = this.#rest.subarray(end + 4);
      if (head.status >= 200) this.#head = head;
    }
    if (!this.#takeBody(this.#head, method === "HEAD")) return null;
    const { status, nonce, retryAfter, keepsAlive } = this.#head;
    const body = Buffer.concat(this.#body);
    if (this.#rest.length > 0) throw new Error(`${this.#rest.length} bytes behind the response`);
    this.#head = null;
    this.#body = [];
    this.#bodyBytes = 0;
    return { status, nonce, retryAfter, body, keepsAlive };
  }

  #takeBody(head: Head, isHead: boolean): boolean {
    if (isHead || head.status === 204 || head.status === 304) return true;
    return head.isChunked ? this.#takeChunks() : this.#takeBytes(head.bodyBytes);
  }

  #takeBytes(wanted: number): boolean {
    const piece = this.#rest.subarray(0, wanted - this.#bodyBytes);
    this.#keep(piece);
    this.#rest = this.#rest.subarray(piece.length);
    return this.#bodyBytes === wanted;
  }

  #takeChunks(): boolean {
    for (;;) {
      const lineEnd = this.#rest.indexOf("\r\n");
      if (lineEnd < 0) return false;
      const line = this.#rest.toString("latin1", 0, lineEnd);
      if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`a chunk begins with ${JSON.stringify(line)}`);
      const size = Number.parseInt(line, 16);
      const end = lineEnd + 2 + size;
      if (this.#rest.length < end + 2) return false;
      if (this.#rest.toString("latin1", end, end + 2) !== "\r\n") throw new Error("a chunk that does not end");
      this.#keep(this.#rest.subarray(lineEnd + 2, end));
      this.#rest = this.#rest.subarray(end + 2);
      if (size === 0) return true;
    }
  }

  #keep(piece: Buffer): void {
    this.#body.push(piece);
    this.#bodyBytes += piece.length;
  }
}

interface Head {
  readonly status: number;
  readonly nonce: string | null;
  readonly retryAfter: string | null;
  readonly isChunked: boolean;
  readonly bodyBytes: number;
  readonly keepsAlive: boolean;
}

function readHead(text: string, isHead: boolean): Head {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
  if (status === 0) throw new Error(`a response begins with ${JSON.stringify(text.slice(0, 40))}`);
  const isChunked = /^chunked$/i.test(fieldIn(text, "Transfer-Encoding") ?? "");
  const length = fieldIn(text, "Content-Length");
  const mayLack = isHead || status < 200 || status === 204 || status === 304;
  if (!isChunked && length === null && !mayLack) throw new Error("a response without a length");
  return {
    status,
    nonce: fieldIn(text, "X-Nonce"),
    retryAfter: fieldIn(text, "Retry-After"),
    isChunked,
    bodyBytes: Number(length ?? 0),
    keepsAlive: !/\bclose\b/i.test(fieldIn(text, "Connection") ?? ""),
  };
}

function fieldIn(head: string, name: string): string | null {
  return new RegExp(`\r\n${name}:[ \t]*([^\r]*)\r\n`, "i").exec(head)?.[1] ?? null;
}
