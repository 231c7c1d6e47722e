/** Heads as parsed: reusable records of offsets into the bytes they came in. */

import { equalsText } from "../bytes/ascii.ts";
import { copyOf, latin1 } from "../bytes/text.ts";
import { Fields } from "./fields.ts";
import { EXPECT } from "./known-fields.ts";

/** Body lengths of a message (RFC 9112 section 6.3); decided by `framing.ts`. */
export const BODY_NONE = 0;
export const BODY_LENGTH = 1;
export const BODY_CHUNKED = 2;
/** Responses only: the body ends where the connection does. */
export const BODY_UNTIL_CLOSE = 3;

/** Methods the core treats in a way of their own; every other is METHOD_OTHER. */
export const METHOD_OTHER = 0;
export const METHOD_GET = 1;
export const METHOD_HEAD = 2;
export const METHOD_POST = 3;
export const METHOD_PUT = 4;
export const METHOD_DELETE = 5;
export const METHOD_OPTIONS = 6;
export const METHOD_PATCH = 7;
export const METHOD_TRACE = 8;
export const METHOD_CONNECT = 9;
export const METHOD_PRI = 10;

const METHOD_NAMES = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"];

/** Where an interrupted parser goes on (`h1/parse-head.ts`). */
export class ParseProgress {
  /** The first line is done; `lineStart` is the field line to go on with. */
  inFields = false;
  lineStart = 0;
  /** No LF stands between `lineStart` and here. */
  scannedTo = 0;
  emptyLines = 0;

  clear(): void {
    this.inFields = false;
    this.lineStart = 0;
    this.scannedTo = 0;
    this.emptyLines = 0;
  }

  shift(distance: number): void {
    this.lineStart -= distance;
    this.scannedTo -= distance;
  }
}

export class RequestHead {
  readonly fields = new Fields();
  readonly progress = new ParseProgress();
  /** To be released with the head: the chunk it lies in, if nobody else is to release that. */
  chunk: Uint8Array | null = null;
  methodStart = 0;
  methodEnd = 0;
  method = METHOD_OTHER;
  /** As received. */
  targetStart = 0;
  targetEnd = 0;
  /** Empty for `http://a` and `http://a?x`, where it means `/`. */
  pathStart = 0;
  pathEnd = 0;
  /** Behind the `?`; -1 without one. Ends where the target does. */
  queryStart = -1;
  /** What may be host and port: from an absolute target or else from Host; empty when there is none. */
  hostStart = 0;
  hostEnd = 0;
  /** False when the path holds `%`, `;`, `//` or a dot segment, so that it can be read in two ways. */
  pathIsPlain = true;
  minorVersion = 1;
  body = BODY_NONE;
  /** With BODY_LENGTH. */
  bodyLength = 0;
  // Set by `request-rules.ts`:
  keepsAlive = true;
  /** `TE: trailers`. */
  acceptsTrailers = false;
  /** Protocols the client would switch to, `""` for none. */
  upgrade = "";

  clear(): void {
    this.fields.clear();
    this.progress.clear();
    this.chunk = null;
    // Of a line that is refused half of it may be read only: the rest must not be what was here before.
    this.methodStart = 0;
    this.methodEnd = 0;
    this.method = METHOD_OTHER;
    this.targetStart = 0;
    this.targetEnd = 0;
    this.pathStart = 0;
    this.pathEnd = 0;
    this.queryStart = -1;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.pathIsPlain = true;
    this.minorVersion = 1;
    this.keepsAlive = true;
    this.upgrade = "";
    this.body = BODY_NONE;
    this.bodyLength = 0;
  }

  /** The bytes moved to the front by `distance` while the head was incomplete (see Inbox.append). */
  shift(bytes: Uint8Array, distance: number): void {
    this.fields.shift(bytes, distance);
    this.progress.shift(distance);
    // What is not read, or not there at all, stays at 0: that is where nothing is.
    if (this.methodEnd > 0) {
      this.methodStart -= distance;
      this.methodEnd -= distance;
    }
    if (this.targetEnd > 0) {
      this.targetStart -= distance;
      this.targetEnd -= distance;
    }
    if (this.pathEnd > 0) {
      this.pathStart -= distance;
      this.pathEnd -= distance;
    }
    if (this.queryStart !== -1) this.queryStart -= distance;
    if (this.hostEnd > 0) {
      this.hostStart -= distance;
      this.hostEnd -= distance;
    }
  }

  /** Into memory of its own, once it is complete. Offsets into it that somebody has copied are wrong then. */
  moveOut(): void {
    const { bytes, lastEnd } = this.fields;
    const end = Math.max(lastEnd, this.targetEnd);
    if (bytes.length > end - this.methodStart) this.shift(copyOf(bytes, this.methodStart, end), this.methodStart);
  }

  /** Its client may hold the body back until it is told to go on (RFC 9110 section 10.1.1); HTTP/1.0 knows no such word. */
  get expectsContinue(): boolean {
    return this.minorVersion === 1 && this.fields.countOf(EXPECT) > 0;
  }

  get methodText(): string {
    const known = METHOD_NAMES[this.method]!;
    return known !== "" ? known : latin1(this.fields.bytes, this.methodStart, this.methodEnd);
  }

  get targetText(): string {
    return latin1(this.fields.bytes, this.targetStart, this.targetEnd);
  }

  get pathText(): string {
    return this.pathEnd === this.pathStart ? "/" : latin1(this.fields.bytes, this.pathStart, this.pathEnd);
  }

  get queryText(): string {
    return this.queryStart === -1 ? "" : latin1(this.fields.bytes, this.queryStart, this.targetEnd);
  }
}

export class ResponseHead {
  readonly fields = new Fields();
  readonly progress = new ParseProgress();
  status = 0;
  /** Where the status line begins when it reads as we would write it (HTTP/1.1, one space); -1 otherwise. */
  lineStart = -1;
  reasonStart = 0;
  reasonEnd = 0;
  minorVersion = 1;
  body = BODY_NONE;
  bodyLength = 0;
  /** Set by `response-rules.ts`: the server would go on on this connection. */
  keepsAlive = false;

  get reasonText(): string {
    return latin1(this.fields.bytes, this.reasonStart, this.reasonEnd);
  }

  clear(): void {
    this.fields.clear();
    this.progress.clear();
    this.status = 0;
    this.body = BODY_NONE;
    this.bodyLength = 0;
  }

  shift(bytes: Uint8Array, distance: number): void {
    this.fields.shift(bytes, distance);
    this.progress.shift(distance);
    if (this.lineStart !== -1) this.lineStart -= distance;
    this.reasonStart -= distance;
    this.reasonEnd -= distance;
  }

  /** Into memory of its own, once it is complete. Offsets into it that somebody has copied are wrong then. */
  moveOut(): void {
    const { bytes, lastEnd } = this.fields;
    const start = this.lineStart === -1 ? this.reasonStart : this.lineStart;
    const end = Math.max(lastEnd, this.reasonEnd);
    if (bytes.length > end - start) this.shift(copyOf(bytes, start, end), start);
  }
}

/** Methods are case-sensitive: `get` is not GET (RFC 9110 section 9.1). */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  for (let method = METHOD_GET; method < METHOD_NAMES.length; method++) {
    if (equalsText(bytes, start, end, METHOD_NAMES[method]!)) return method;
  }
  return METHOD_OTHER;
}

/** Doing it twice is as good as once (RFC 9110 section 9.2.2), so that a second try is allowed. */
export function isIdempotent(method: number): boolean {
  switch (method) {
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_PUT:
    case METHOD_DELETE:
    case METHOD_OPTIONS:
      return true;
    default:
      return false;
  }
}
