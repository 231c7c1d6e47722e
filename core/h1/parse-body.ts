/**
 * Bytes of a body to pieces, for all framings (RFC 9112 sections 6 and 7.1).
 *
 *     chunked-body   = *chunk last-chunk trailer-section CRLF
 *     chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 *
 *     SIZE ─► EXTENSION ─► SIZE_LF ─► DATA ─► DATA_CR ─► DATA_LF ─┐
 *      ▲         (quoted text: EXTENSION_QUOTED)                  │
 *      └──────────────────────────────────────────────────────────┘   size 0: TRAILER ─► DONE
 *
 * Small chunks of one buffer are moved together in place, so that a body of one-byte chunks goes on as few pieces.
 */

import { BACKSLASH, CR, DQUOTE, FIELD_VALUE, HEX, HTAB, LF, SEMICOLON, SP } from "../bytes/ascii.ts";
import * as refuse from "../fault.ts";
import { Fields } from "../http/fields.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_UNTIL_CLOSE, ParseProgress } from "../http/message.ts";
import { CHUNK_SIZE_DIGITS_MAX, type Limits } from "../limits.ts";
import { INCOMPLETE, parseFields } from "./parse-head.ts";

const DONE = 0;
const LENGTH = 1;
const UNTIL_CLOSE = 2;
const SIZE = 3;
const EXTENSION = 4;
const EXTENSION_QUOTED = 5;
const SIZE_LF = 6;
const DATA = 7;
const DATA_CR = 8;
const DATA_LF = 9;
const TRAILER = 10;

/** Runs up to here are moved together; longer ones are worth a piece of their own. */
const MERGE_RUN_MAX = 4 * 1024;

export interface BodySink {
  /** `bytes[start, end)` may be spoilt, and is to be written or copied in this call. */
  onBodyPiece(bytes: Uint8Array, start: number, end: number): void;
}

export class BodyDecoder {
  #state = DONE;
  /** Bytes of the body (BODY_LENGTH) or of the chunk that are still to come. */
  #remaining = 0;
  #sizeDigits = 0;
  #extensionBytes = 0;
  #extensionBytesTotal = 0;
  #extensionFollowsSpace = false;
  #trailerBytes: Uint8Array | null = null;
  #trailerEnd = 0;
  #trailerProgress: ParseProgress | null = null;
  /** Set when the body had any, until the next `begin`. */
  trailers: Fields | null = null;

  begin(body: number, length: number): void {
    this.trailers = null;
    this.#remaining = length;
    this.#extensionBytesTotal = 0;
    switch (body) {
      case BODY_NONE:
        this.#state = DONE;
        break;
      case BODY_LENGTH:
        this.#state = LENGTH;
        break;
      case BODY_UNTIL_CLOSE:
        this.#state = UNTIL_CLOSE;
        break;
      case BODY_CHUNKED:
        this.#beginChunk();
        break;
    }
  }

  get isDone(): boolean {
    return this.#state === DONE;
  }

  /** Bytes that are certain to come, if it comes to its end. */
  get remainingMin(): number {
    return this.#remaining;
  }

  /** Whether the end of the connection is the end of this body. */
  get endsWithConnection(): boolean {
    return this.#state === UNTIL_CLOSE;
  }

  /** Emits the pieces in `bytes[start, end)`; answers where it stopped (at `end`, or behind the body), or a refusal. */
  decode(bytes: Uint8Array, start: number, end: number, limits: Limits, sink: BodySink): number {
    switch (this.#state) {
      case DONE:
        return start;
      case LENGTH: {
        const stop = Math.min(end, start + this.#remaining);
        this.#remaining -= stop - start;
        if (this.#remaining === 0) this.#state = DONE;
        emit(bytes, start, stop, sink);
        return stop;
      }
      case UNTIL_CLOSE:
        emit(bytes, start, end, sink);
        return end;
      default:
        return this.#decodeChunks(bytes, start, end, limits, sink);
    }
  }

  #decodeChunks(bytes: Uint8Array, start: number, end: number, limits: Limits, sink: BodySink): number {
    let at = start;
    // The piece collected so far: bytes[pieceStart, pieceEnd).
    let pieceStart = 0;
    let pieceEnd = 0;
    while (at < end && this.#state !== DONE) {
      if (this.#state === DATA) {
        const stop = Math.min(end, at + this.#remaining);
        this.#remaining -= stop - at;
        if (this.#remaining === 0) this.#state = DATA_CR;
        if (pieceEnd === pieceStart) {
          pieceStart = at;
          pieceEnd = stop;
        } else if (stop - at <= MERGE_RUN_MAX) {
          bytes.copyWithin(pieceEnd, at, stop);
          pieceEnd += stop - at;
        } else {
          emit(bytes, pieceStart, pieceEnd, sink);
          pieceStart = at;
          pieceEnd = stop;
        }
        at = stop;
      } else if (this.#state === TRAILER) {
        at = this.#decodeTrailers(bytes, at, end, limits);
        if (at < 0) return at;
      } else {
        const refused = this.#step(bytes[at]!, limits);
        if (refused !== 0) return refused;
        at++;
      }
    }
    if (pieceEnd > pieceStart) emit(bytes, pieceStart, pieceEnd, sink);
    return at;
  }

  /** One byte of the lines around chunk data. Answers 0 or a refusal. */
  #step(byte: number, limits: Limits): number {
    switch (this.#state) {
      case SIZE:
        return this.#stepSize(byte);
      case EXTENSION:
      case EXTENSION_QUOTED:
        return this.#stepExtension(byte, limits);
      case SIZE_LF:
        if (byte !== LF) return -refuse.BAD_CHUNK_SIZE;
        this.#state = this.#remaining === 0 ? TRAILER : DATA;
        return 0;
      case DATA_CR:
        if (byte !== CR) return -refuse.BAD_CHUNK_END;
        this.#state = DATA_LF;
        return 0;
      default:
        if (byte !== LF) return -refuse.BAD_CHUNK_END;
        this.#beginChunk();
        return 0;
    }
  }

  #stepSize(byte: number): number {
    const digit = HEX[byte]!;
    if (digit !== 255) {
      if (++this.#sizeDigits > CHUNK_SIZE_DIGITS_MAX) return -refuse.CHUNK_TOO_LARGE;
      this.#remaining = this.#remaining * 16 + digit;
      return 0;
    }
    if (this.#sizeDigits === 0) return -refuse.BAD_CHUNK_SIZE;
    if (byte === CR) {
      this.#state = SIZE_LF;
      return 0;
    }
    if (byte !== SEMICOLON && byte !== SP && byte !== HTAB) return -refuse.BAD_CHUNK_SIZE;
    this.#state = EXTENSION;
    this.#extensionBytes = 0;
    // White space is fine before the `;` of an extension, not instead of one.
    this.#extensionFollowsSpace = byte !== SEMICOLON;
    return 0;
  }

  /** Extensions are read to their end and dropped; a quoted text must end before its line does. */
  #stepExtension(byte: number, limits: Limits): number {
    const isQuoted = this.#state === EXTENSION_QUOTED;
    if (byte !== CR) {
      if (++this.#extensionBytes > limits.chunkExtensionBytesMax) return -refuse.BAD_CHUNK_EXTENSION;
      if (++this.#extensionBytesTotal > limits.chunkExtensionsPerMessageBytesMax) return -refuse.BAD_CHUNK_EXTENSION;
    }
    if (this.#extensionFollowsSpace && byte !== SP && byte !== HTAB) {
      if (byte !== SEMICOLON) return -refuse.BAD_CHUNK_SIZE;
      this.#extensionFollowsSpace = false;
      return 0;
    }
    if (byte === CR) {
      if (isQuoted) return -refuse.BAD_CHUNK_EXTENSION;
      this.#state = SIZE_LF;
      return 0;
    }
    // An escaped quote is where readers disagree; no client sends one.
    if (FIELD_VALUE[byte] === 0 || (isQuoted && byte === BACKSLASH)) return -refuse.BAD_CHUNK_EXTENSION;
    if (byte === DQUOTE) this.#state = isQuoted ? EXTENSION : EXTENSION_QUOTED;
    return 0;
  }

  #beginChunk(): void {
    this.#state = SIZE;
    this.#sizeDigits = 0;
    this.#remaining = 0;
  }

  /** Collects the trailer lines in a buffer of their own and parses them like a head's. */
  #decodeTrailers(bytes: Uint8Array, start: number, end: number, limits: Limits): number {
    if (this.#trailerBytes === null) {
      if (bytes[start] === CR && start + 1 < end && bytes[start + 1] === LF) {
        this.#state = DONE;
        return start + 2;
      }
      this.#trailerBytes = new Uint8Array(limits.trailerBytesMax + 1);
      this.#trailerEnd = 0;
      this.#trailerProgress = new ParseProgress();
      this.trailers = new Fields();
      this.trailers.bytes = this.#trailerBytes;
    }
    const buffer = this.#trailerBytes;
    const progress = this.#trailerProgress!;
    const taken = Math.min(end - start, buffer.length - this.#trailerEnd);
    const before = this.#trailerEnd;
    buffer.set(bytes.subarray(start, start + taken), before);
    this.#trailerEnd += taken;
    const bounds = {
      headBytesMax: limits.trailerBytesMax,
      fieldsMax: limits.trailerFieldsMax,
      nameBytesMax: limits.fieldNameBytesMax,
      targetBytesMax: 0,
    };
    const at = parseFields(this.trailers!, progress, progress.lineStart, this.#trailerEnd, bounds, false);
    if (at < 0)
      return -at === refuse.TOO_MANY_FIELDS || -at === refuse.NAME_TOO_LONG
        ? -refuse.TRAILERS_TOO_LARGE
        : -refuse.BAD_TRAILER;
    if (at === INCOMPLETE)
      return this.#trailerEnd > limits.trailerBytesMax ? -refuse.TRAILERS_TOO_LARGE : start + taken;
    if (at > limits.trailerBytesMax) return -refuse.TRAILERS_TOO_LARGE;
    this.#trailerBytes = null;
    this.#trailerProgress = null;
    this.#state = DONE;
    if (this.trailers!.count === 0) this.trailers = null;
    return start + (at - before);
  }
}

function emit(bytes: Uint8Array, start: number, end: number, sink: BodySink): void {
  if (end > start) sink.onBodyPiece(bytes, start, end);
}
