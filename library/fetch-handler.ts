/** A proxy as a function from Request to Response, for Hono apps and whatever else serves that way. */

import { copyOf } from "../core/bytes/text.ts";
import type { ClientConnection } from "../core/h1/client.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type ResponseHead } from "../core/http/message.ts";
import { OutgoingHead } from "../core/http/outgoing.ts";
import { hasNoContent } from "../core/http/status.ts";
import type { ResponseHandler } from "../core/http/wire.ts";
import { BodySource, type SourceOwner } from "../core/script/body-source.ts";
import { saysItsLength } from "../core/script/make-request.ts";
import { FetchUpload, type UploadOwner } from "./fetch-upload.ts";
import {
  type ClientPlace,
  cut,
  MountedProxy,
  type MountOptions,
  type MountSource,
  unanswered,
} from "./mounted-proxy.ts";
import { isSendable, passingOfRequest, passingOfResponse, UNSENDABLE } from "./passing-fields.ts";
import type { Proxy as RunningProxy } from "./proxy.ts";

/** What a fetch-style server knows of a request beside it. */
export interface FetchInfo {
  /** The IP address of whoever sent the request, for logs, conditions and `X-Forwarded-For`; without, it is `unix`. */
  readonly clientAddress?: string | undefined;
}

/** A proxy as a `fetch` handler. */
export interface MountedFetch {
  /**
   * Answers what the proxy answers, its own refusals included. Rejects with the signal's reason when the request is
   * aborted, with the error of a request body that fails, and with a TypeError for a `clientAddress` that is none.
   */
  (request: Request, info?: FetchInfo): Promise<Response>;
  readonly proxy: RunningProxy;
  /** Stops the proxy if it was made for this handler; one that was given goes on. */
  close(): Promise<void>;
  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A configuration is compiled now (and throws a `ConfigError`), and its proxy starts with the first request. A given
 * proxy must have started.
 */
export function createFetchHandler(source: MountSource, options: MountOptions = {}): MountedFetch {
  const mounted = new MountedProxy(source, options);
  const handle = async (request: Request, info: FetchInfo = {}): Promise<Response> => {
    if (request.headers.get("upgrade")?.toLowerCase().includes("websocket"))
      return answer(501, "a fetch handler cannot switch protocols: give upgrades to createNodeHandler or a listener");
    await unlessAborted(mounted.starting(), request.signal);
    return new Promise((resolve, reject) => new FetchExchange(mounted, request, { resolve, reject }).begin(info));
  };
  const close = (): Promise<void> => mounted.close();
  return Object.assign(handle, { proxy: mounted.proxy, close, [Symbol.asyncDispose]: close });
}

/** What is waited for may take long: a function that makes the configuration, say. */
async function unlessAborted(starting: Promise<void> | null, signal: AbortSignal): Promise<void> {
  if (starting === null) return;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  try {
    await Promise.race([starting, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

interface Settle {
  readonly resolve: (response: Response) => void;
  readonly reject: (reason: unknown) => void;
}

/** Of these the Web's kind knows no Response, and a server may answer them. */
const STATUS_MAX = 599;

class FetchExchange implements ResponseHandler, UploadOwner, SourceOwner {
  readonly #mounted: MountedProxy;
  readonly #request: Request;
  readonly #settle: Settle;
  readonly #onAbort = (): void => this.#fail(this.#request.signal.reason);
  #place: ClientPlace = { address: undefined, isSecure: false };
  #connection: ClientConnection | null = null;
  #upload: FetchUpload | null = null;
  #source: BodySource | null = null;
  #isTaken = false;
  #hasHead = false;
  #isOver = false;

  constructor(mounted: MountedProxy, request: Request, settle: Settle) {
    this.#mounted = mounted;
    this.#request = request;
    this.#settle = settle;
  }

  begin({ clientAddress }: FetchInfo): void {
    const { body, signal, url } = this.#request;
    this.#place = { address: clientAddress, isSecure: url.startsWith("https:") };
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener("abort", this.#onAbort);
    if (body === null) {
      this.#start(null);
      return;
    }
    if (body.locked || this.#request.bodyUsed) {
      this.#fail(
        new TypeError("the request's body was read before it came to the proxy: hand on one that nobody reads"),
      );
      return;
    }
    this.#upload = new FetchUpload(this.#request, this);
    this.#upload.start();
  }

  /** `length` is null without a body, and -1 for one that nobody knows the end of. */
  #start(length: number | null): void {
    const { method, url, headers } = this.#request;
    const { protocol, host, pathname, search } = new URL(url);
    const said = headers.get("host");
    const outgoing = new OutgoingHead();
    outgoing.method = method;
    // Deno goes by the target or the authority, and leaves a Host that says otherwise in the fields: the core refuses both.
    outgoing.target =
      said === null || isSameHost(said, protocol, host)
        ? pathname + search
        : `${protocol}//${host}${pathname}${search}`;
    outgoing.body = length === null ? BODY_NONE : length === -1 ? BODY_CHUNKED : BODY_LENGTH;
    outgoing.contentLength = length ?? (saysItsLength(method) ? 0 : -1);
    if (said === null) outgoing.add("host", host);
    for (const [name, value] of passingOfRequest([...headers].flat())) outgoing.add(name, value);
    if (!isSendable(outgoing)) {
      this.#answerInstead(400, UNSENDABLE);
      return;
    }
    try {
      const { connection, isTaken } = this.#mounted.open(this.#place);
      this.#connection = connection;
      this.#isTaken = isTaken;
      this.#mounted.begin(connection, this, outgoing);
      if (length === null) connection.end(null);
      else connection.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  onUploadBegins(length: number): ClientConnection | null {
    this.#start(length);
    return this.#isOver ? null : this.#connection;
  }
  onUploadFailed(error: unknown): void {
    this.#fail(error);
  }
  onWritable(): void {
    this.#upload?.resume();
  }

  // ── the response ───────────────────────────────────────────────────────────────────────────────────────────

  onInterim(): void {}

  onHead(head: ResponseHead): void {
    const { status } = head;
    this.#hasHead = true;
    if (status > STATUS_MAX) {
      this.#answerInstead(502, `the server answered with status ${status}, which no Response can have`);
      return;
    }
    const headers = new Headers();
    for (const [name, value] of passingOfResponse(head)) headers.append(name, value);
    if (this.#request.method !== "HEAD" && !hasNoContent(status)) this.#source = new BodySource(this);
    this.#settle.resolve(new Response(this.#source?.stream ?? null, { status, headers }));
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (this.#source?.push(copyOf(bytes, start, end)) === false) this.#connection!.hold();
  }

  onEnd(): void {
    this.#source?.end();
    this.#end();
    this.#connection!.close();
  }

  onFlush(): void {}

  onFault(): void {
    const { status, text } = unanswered(this.#isTaken);
    if (this.#hasHead) this.#fail(new TypeError("the response was cut off"));
    else this.#answerInstead(status, text);
  }

  onBodyWanted(): void {
    if (!this.#isOver) this.#connection?.release();
  }
  onBodyUnwanted(reason: unknown): void {
    this.#fail(reason);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────

  #answerInstead(status: number, text: string): void {
    this.#settle.resolve(answer(status, text));
    this.#fail(null);
  }

  /** What the caller has not got yet it won't get. */
  #fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#end(reason);
    this.#settle.reject(reason);
    this.#source?.fail(reason);
    if (this.#connection !== null) cut(this.#connection);
  }

  #end(reason?: unknown): void {
    this.#isOver = true;
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#upload?.cancel(reason);
    this.#upload = null;
  }
}

/** What is no host at all is refused by the core for that. */
function isSameHost(said: string, protocol: string, host: string): boolean {
  if (said === host) return true;
  try {
    return new URL(`${protocol}//${said}`).host === host;
  } catch {
    return true;
  }
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
