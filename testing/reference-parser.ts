/**
 * The judge of what crossed the wire: a second HTTP/1.1 parser, written apart from the core's, on strings, slow and
 * simple. It knows one spelling of everything and calls the rest an error: what Millrace writes must always pass.
 */
export interface SeenMessage {
  readonly version: "1.0" | "1.1";
  /** Name and value in order, as spelled. */
  readonly fields: readonly (readonly [string, string])[];
  readonly framing: "none" | "length" | "chunked" | "until-close";
  readonly body: string;
  readonly chunkSizes: readonly number[];
  readonly trailers: readonly (readonly [string, string])[];
  /** All bytes of the message. */
  readonly raw: string;
}

export interface SeenRequest extends SeenMessage {
  readonly method: string;
  readonly target: string;
}

export interface SeenResponse extends SeenMessage {
  readonly status: number;
  readonly reason: string;
}

export interface Seen<Message> {
  readonly messages: readonly Message[];
  /** What follows the last complete message: empty, the start of one, or a tunnel's bytes. */
  readonly rest: string;
  /** Why `rest` cannot become a message. */
  readonly error: string | null;
}

/** Reads requests until the text ends, or is wrong. */
export function seeRequests(text: string): Seen<SeenRequest> {
  const messages: SeenRequest[] = [];
  let rest = text;
  try {
    for (;;) {
      const head = splitHead(rest);
      if (head === null) return { messages, rest, error: startError(rest, REQUEST_START) };
      const line = REQUEST_LINE.exec(head.startLine);
      if (line === null) throw new Malformed(`request line ${JSON.stringify(head.startLine)}`);
      const [, method, target, minor] = line as unknown as [string, string, string, string];
      const version = minor === "0" ? "1.0" : "1.1";
      const hosts = valuesOf(head.fields, "host");
      if (hosts.length > 1 || (version === "1.1" && hosts.length === 0)) throw new Malformed(`${hosts.length} Hosts`);
      const framing = framingOf(head.fields, version) ?? { kind: "none" };
      const body = readBody(head.rest, framing, false);
      if (body === null) return { messages, rest, error: null };
      const raw = rest.slice(0, rest.length - body.rest.length);
      messages.push({ method, target, version, fields: head.fields, framing: framing.kind, raw, ...body });
      rest = body.rest;
    }
  } catch (error) {
    if (error instanceof Malformed) return { messages, rest, error: error.message };
    throw error;
  }
}

/**
 * Reads responses; `methods` are those of the requests, in order. `hasEnded`: the sender said FIN, which completes
 * a body without a length. Interim responses are messages of their own.
 */
export function seeResponses(text: string, methods: readonly string[], hasEnded: boolean): Seen<SeenResponse> {
  const messages: SeenResponse[] = [];
  let rest = text;
  let answered = 0;
  try {
    for (;;) {
      const head = splitHead(rest);
      if (head === null) return { messages, rest, error: startError(rest, RESPONSE_START) };
      const line = STATUS_LINE.exec(head.startLine);
      if (line === null) throw new Malformed(`status line ${JSON.stringify(head.startLine)}`);
      const [, minor, code, reason] = line as unknown as [string, string, string, string];
      const version = minor === "0" ? "1.0" : "1.1";
      const status = Number(code);
      const hasNoBody = status < 200 || status === 204 || status === 304 || methods[answered] === "HEAD";
      const declared = framingOf(head.fields, version);
      if (status < 200 && declared !== null) throw new Malformed(`framing fields on a ${status}`);
      const framing = hasNoBody ? NO_BODY : (declared ?? UNTIL_CLOSE);
      const body = readBody(head.rest, framing, hasEnded);
      if (body === null) return { messages, rest, error: null };
      const raw = rest.slice(0, rest.length - body.rest.length);
      messages.push({ status, reason, version, fields: head.fields, framing: framing.kind, raw, ...body });
      rest = body.rest;
      if (status === 101) return { messages, rest, error: null };
      if (status >= 200) answered++;
    }
  } catch (error) {
    if (error instanceof Malformed) return { messages, rest, error: error.message };
    throw error;
  }
}

/** All values of the fields of this name, which is given in lower case. Names are ASCII by FIELD_LINE. */
export function valuesOf(fields: SeenMessage["fields"], name: string): string[] {
  return fields
    .filter(([spelled]) => spelled.length === name.length && spelled.toLowerCase() === name)
    .map(([, value]) => value);
}

class Malformed extends Error {}

type Framing =
  | { readonly kind: "none" | "chunked" | "until-close" }
  | { readonly kind: "length"; readonly length: number };

const NO_BODY: Framing = { kind: "none" };
const UNTIL_CLOSE: Framing = { kind: "until-close" };
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`);
const REQUEST_START = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*( |$)/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)$/;
const RESPONSE_START = /^(HTTP\/1|H|HT|HTT|HTTP|HTTP\/|$)/;
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`);

function splitHead(text: string) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [startLine, ...lines] = text.slice(0, end).split("\r\n") as [string, ...string[]];
  return { startLine, fields: readFields(lines), rest: text.slice(end + 4) };
}

function readFields(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const field = FIELD_LINE.exec(line);
    if (field === null) throw new Malformed(`field line ${JSON.stringify(line)}`);
    return [field[1] as string, (field[2] as string).replace(/[ \t]+$/, "")];
  });
}

/** Null: neither field is there. */
function framingOf(fields: SeenMessage["fields"], version: "1.0" | "1.1"): Framing | null {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Malformed("more than one framing field");
  const [length] = lengths;
  if (length !== undefined) {
    if (!/^(0|[1-9][0-9]{0,15})$/.test(length)) throw new Malformed(`Content-Length ${JSON.stringify(length)}`);
    return { kind: "length", length: Number(length) };
  }
  const [coding] = codings;
  if (coding === undefined) return null;
  if (coding !== "chunked") throw new Malformed(`Transfer-Encoding ${JSON.stringify(coding)}`);
  if (version === "1.0") throw new Malformed("Transfer-Encoding in HTTP/1.0");
  return { kind: "chunked" };
}

interface Body {
  readonly body: string;
  readonly chunkSizes: readonly number[];
  readonly trailers: [string, string][];
  readonly rest: string;
}

/** Null: more bytes are needed. */
function readBody(text: string, framing: Framing, hasEnded: boolean): Body | null {
  switch (framing.kind) {
    case "none":
      return { body: "", chunkSizes: [], trailers: [], rest: text };
    case "length":
      if (text.length < framing.length) return null;
      return { body: text.slice(0, framing.length), chunkSizes: [], trailers: [], rest: text.slice(framing.length) };
    case "until-close":
      return hasEnded ? { body: text, chunkSizes: [], trailers: [], rest: "" } : null;
    case "chunked":
      return readChunked(text);
  }
}

function readChunked(text: string): Body | null {
  const pieces: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const line = lineEnd < 0 ? text.slice(at, at + 16) : text.slice(at, lineEnd);
    if (lineEnd < 0 && /^[0-9A-Fa-f]{0,13}\r?$/.test(line)) return null;
    // Chunk extensions never cross a hop, so even a correct one is an error here.
    if (!/^[0-9A-Fa-f]{1,13}$/.test(line)) throw new Malformed(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const trailers = readTrailers(text, at);
      return trailers && { body: pieces.join(""), chunkSizes: pieces.map(({ length }) => length), ...trailers };
    }
    const border = text.slice(at + size, at + size + 2);
    if (!"\r\n".startsWith(border)) throw new Malformed(`${JSON.stringify(border)} where a chunk ends`);
    if (border.length < 2) return null;
    pieces.push(text.slice(at, at + size));
    at += size + 2;
  }
}

function readTrailers(text: string, from: number): { trailers: [string, string][]; rest: string } | null {
  const lines: string[] = [];
  for (let at = from; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    if (lineEnd === at) return { trailers: readFields(lines), rest: text.slice(at + 2) };
    lines.push(text.slice(at, lineEnd));
    at = lineEnd + 2;
  }
}

/** Finds out early that an unfinished head cannot become a right one. */
function startError(rest: string, start: RegExp): string | null {
  return start.test(rest) ? null : `start ${JSON.stringify(rest.slice(0, 40))}`;
}
