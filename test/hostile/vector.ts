import { readdirSync, readFileSync } from "node:fs";
import { textOfBytes, wire } from "../../testing/wire.ts";

/**
 * A case of `test/vectors/*.txt`. The files are data, written to be read:
 *
 *     ### F05 Content-Length `{}`          id and name; `{}` is each value in turn
 *     each: `+5`                           one case per line, between backquotes
 *     each: `010` => NORM                  … with an outcome of its own
 *     expect: R400 | R413                  any of these outcomes (see `Outcome`)
 *     forwards: POST /a `body`             what the upstream must have seen, in order; the body where it matters
 *     earlier: GET /                       what comes before a refused request, and is answered
 *     upstream-has: Content-Length: 5      a field of the last request forwarded
 *     upstream-lacks: Upgrade              also: `no trailers`, `trailer Name: value`, `value 5` (of any field)
 *     client-has: / client-lacks:          the same of the last response
 *     client-body: `text`
 *     status: 200 204                      the final statuses the client sees, when not 200 each
 *     follow: close                        the connection ends after this; `any`: it may (as behind any Upgrade)
 *     client: ends                         the client sends FIN (`ends`) behind its bytes
 *     upstream: fin | rst                  the upstream closes behind its reply
 *     reuse: no                            the upstream connection must not serve another request
 *     config: paths                        which of `configurations.ts`
 *     --- request                          bytes as in `wire`; `{text*n}` repeats; a last line with `\` has no CRLF
 *     GET / HTTP/1.1
 *     --- reply                            what the upstream answers the first forwarded request with
 *     HTTP/1.1 200 OK
 *     ---
 */
export interface Vector {
  readonly id: string;
  readonly name: string;
  readonly place: string;
  readonly outcomes: readonly Outcome[];
  readonly request: Uint8Array;
  readonly reply: Uint8Array | null;
  readonly forwards: readonly Forward[];
  readonly earlier: readonly Forward[];
  readonly upstreamHas: readonly string[];
  readonly upstreamLacks: readonly string[];
  readonly clientHas: readonly string[];
  readonly clientLacks: readonly string[];
  readonly clientBody: string | null;
  readonly statuses: readonly number[] | null;
  readonly follow: "answered" | "close" | "any";
  readonly clientEnds: boolean;
  readonly upstreamThen: "stay" | "fin" | "rst";
  readonly reuse: "maybe" | "no";
  readonly configuration: string;
}

/**
 * - `R400` …: refused with that status and `Connection: close`; no byte of the request reached an upstream.
 * - `R400*` …: the same for a fault found in a body that was under way: the upstream may have seen the start of the
 *   request, never all of it, and its connection is gone; the client may see an abort in place of the status.
 * - `D403` …: answered with that status by the proxy; nothing went upstream, the connection may live on.
 * - `NORM`: all of `forwards` reached the upstream, written canonically, and were answered.
 * - `U502`: the client sees 502, or an abort if the response had begun; the upstream connection is gone.
 * - `ABORT`: the client sees a response that visibly isn't complete; the upstream connection is gone.
 * - `CUT`: the upstream never sees a complete request; the client sees an error or just the end.
 */
export interface Outcome {
  readonly kind: "refused" | "refused-streaming" | "denied" | "forwarded" | "bad-gateway" | "abort" | "cut";
  readonly status: number;
}

export interface Forward {
  readonly method: string;
  readonly target: string;
  readonly body: string | null;
}

/** Read once in a process: what plays them by the hundred asks for them again and again. */
export function loadVectors(): readonly Vector[] {
  loaded ??= readVectors();
  return loaded;
}

let loaded: readonly Vector[] | null = null;

function readVectors(): Vector[] {
  const folder = new URL("../vectors/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt") && !NOT_VECTORS.includes(name));
  return files.sort().flatMap((name) => parseVectors(readFileSync(new URL(name, folder), "utf8"), name));
}

export function readList(name: "ids.txt" | "deferred.txt"): string[] {
  const text = readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

export function parseVectors(text: string, file: string): Vector[] {
  const vectors: Vector[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line.trim() === "" || (line.startsWith("#") && !line.startsWith("### "))) continue;
    const title = /^### ([A-Z][0-9]{2}) (.+)$/.exec(line);
    if (title === null) throw new Error(`${file}:${at + 1}: a case begins with "### F01 name", not ${line}`);
    const block = readBlock(lines, at, file);
    for (const each of block.each.length > 0 ? block.each : [{ value: "", outcome: null }]) {
      vectors.push(buildVector(block, title[1] as string, title[2] as string, each, `${file}:${at + 1}`));
    }
    at = block.end;
  }
  return vectors;
}

const NOT_VECTORS = ["ids.txt", "deferred.txt"];

interface Each {
  readonly value: string;
  readonly outcome: string | null;
}

interface Block {
  readonly each: Each[];
  readonly settings: Map<string, string[]>;
  readonly request: string;
  readonly reply: string | null;
  readonly end: number;
}

function readBlock(lines: readonly string[], title: number, file: string): Block {
  const each: Each[] = [];
  const settings = new Map<string, string[]>();
  const bodies = new Map<string, string>();
  let part: string | null = null;
  let at = title + 1;
  for (; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line === "---") break;
    const border = /^--- (request|reply)$/.exec(line);
    if (border !== null) {
      part = border[1] as string;
      bodies.set(part, "");
    } else if (part === null && line.startsWith("#")) continue;
    else if (part !== null) bodies.set(part, `${bodies.get(part)}${line}\n`);
    else {
      const setting = /^([a-z-]+): (.*)$/.exec(line);
      if (setting === null) throw new Error(`${file}:${at + 1}: neither a setting nor a part: ${line}`);
      const [, key, value] = setting as unknown as [string, string, string];
      if (key === "each") each.push(readEach(value, `${file}:${at + 1}`));
      else if (SETTINGS.has(key)) settings.set(key, [...(settings.get(key) ?? []), value]);
      else throw new Error(`${file}:${at + 1}: no such setting: ${key}`);
    }
  }
  const request = bodies.get("request");
  if (request === undefined || at >= lines.length) throw new Error(`${file}:${title + 1}: no request, or no last ---`);
  return { each, settings, request, reply: bodies.get("reply") ?? null, end: at };
}

const SETTINGS = new Set([
  ...["expect", "forwards", "earlier", "upstream-has", "upstream-lacks", "client-has", "client-lacks", "client-body"],
  ...["status", "follow", "client", "upstream", "reuse", "config"],
]);

function readEach(text: string, place: string): Each {
  const match = /^`(.*)`(?: => (.+))?$/.exec(text);
  if (match === null) throw new Error(`${place}: each takes a value between backquotes: ${text}`);
  return { value: match[1] as string, outcome: match[2] ?? null };
}

function buildVector(block: Block, id: string, title: string, each: Each, place: string): Vector {
  const fill = (text: string): string => text.replaceAll("{}", () => each.value);
  const all = (key: string): string[] => (block.settings.get(key) ?? []).map(fill);
  const one = (key: string): string | null => all(key)[0] ?? null;
  const expect = each.outcome ?? one("expect");
  if (expect === null) throw new Error(`${place}: no outcome is expected`);
  const outcomes = expect.split(" | ").map((word) => readOutcome(word.trim(), place));
  const body = one("client-body");
  const request = bytesOf(fill(block.request));
  const mayEnd = /upgrade/i.test(textOfBytes(request)) || outcomes.some(({ kind }) => kind === "bad-gateway");
  return {
    id,
    name: `${id} ${fill(title)}`,
    place,
    outcomes,
    request,
    reply: block.reply === null ? null : bytesOf(fill(block.reply)),
    forwards: all("forwards").map((line) => readForward(line, place)),
    earlier: all("earlier").map((line) => readForward(line, place)),
    upstreamHas: all("upstream-has").map(latin1),
    upstreamLacks: all("upstream-lacks"),
    clientHas: all("client-has").map(latin1),
    clientLacks: all("client-lacks"),
    clientBody: body === null ? null : latin1(body.slice(1, -1)),
    statuses: one("status")?.split(" ").map(Number) ?? null,
    follow: (one("follow") ?? (mayEnd ? "any" : "answered")) as Vector["follow"],
    clientEnds: one("client") === "ends",
    upstreamThen: (one("upstream") ?? "stay") as Vector["upstreamThen"],
    reuse: (one("reuse") ?? "maybe") as Vector["reuse"],
    configuration: one("config") ?? "plain",
  };
}

function readOutcome(word: string, place: string): Outcome {
  const status = Number(word.slice(1, 4));
  if (/^R[45][0-9]{2}$/.test(word)) return { kind: "refused", status };
  if (/^R[45][0-9]{2}\*$/.test(word)) return { kind: "refused-streaming", status };
  if (/^D[2345][0-9]{2}$/.test(word)) return { kind: "denied", status };
  if (word === "NORM") return { kind: "forwarded", status: 200 };
  if (word === "U502") return { kind: "bad-gateway", status: 502 };
  if (word === "ABORT") return { kind: "abort", status: 0 };
  if (word === "CUT") return { kind: "cut", status: 0 };
  throw new Error(`${place}: unknown outcome ${word}`);
}

function readForward(line: string, place: string): Forward {
  const match = /^(\S+) (\S+)(?: `(.*)`)?$/.exec(line);
  if (match === null) throw new Error(`${place}: forwards takes METHOD TARGET \`body\`: ${line}`);
  return {
    method: latin1(match[1] as string),
    target: latin1(match[2] as string),
    body: match[3] === undefined ? null : latin1(match[3]),
  };
}

/** `{text*n}` is text, n times; may not be nested. */
function repeat(template: string): string {
  return template.replace(/\{([^{}]+)\*([0-9]+)\}/g, (_, text: string, times: string) => text.repeat(Number(times)));
}

function bytesOf(template: string): Uint8Array {
  return wire(repeat(template));
}

function latin1(template: string): string {
  return String.fromCharCode(...wire(repeat(template)));
}
