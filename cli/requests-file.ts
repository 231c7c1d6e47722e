/** A file of requests to explain: a line for each, `METHOD URL`, or JSON with more. */

import type { AskedRequest } from "../core/explain/explain.ts";
import { clientProblem, headOfRequest, NoRequest, parseRequestLine } from "../core/explain/request-line.ts";
import { pathOf, readTextFile } from "./read-text-file.ts";

export interface RequestProblem {
  /** From 1; 0: the file as a whole. */
  readonly line: number;
  readonly message: string;
}

/** A request and the line it stands in. */
export interface LocatedRequest extends AskedRequest {
  readonly at: number;
}

const FORM =
  'write GET https://a.example/x, or {"method":"GET","url":"https://a.example/x","headers":{},"client":"192.0.2.1"}';
const KEYS = ["method", "url", "headers", "client", "listener"];

/** Empty lines and those that begin with `#` are left out. */
export async function readRequests(
  file: string,
): Promise<{ readonly requests: readonly LocatedRequest[] } | { readonly problems: readonly RequestProblem[] }> {
  const text = await readTextFile(pathOf(file));
  if (typeof text !== "string") return { problems: [{ line: 0, message: text.problem }] };
  const requests: LocatedRequest[] = [];
  const problems: RequestProblem[] = [];
  for (const [index, each] of text.split(/\r?\n/).entries()) {
    const line = each.trim();
    if (line === "" || line.startsWith("#")) continue;
    try {
      const asked = line.startsWith("{") ? fromJson(line) : { line, fields: [] };
      // Whether it can be sent at all; said here, where the line is known.
      headOfRequest(parseRequestLine(asked.line), asked.fields);
      requests.push({ ...asked, at: index + 1 });
    } catch (error) {
      if (!(error instanceof NoRequest)) throw error;
      problems.push({ line: index + 1, message: error.message });
    }
  }
  if (problems.length > 0) return { problems };
  return requests.length === 0 ? { problems: [{ line: 0, message: `holds no request; ${FORM}` }] } : { requests };
}

function fromJson(line: string): AskedRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new NoRequest(`is no JSON; ${FORM}`);
  }
  const map = value as Record<string, unknown>;
  const unknown = Object.keys(map).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new NoRequest(`has the unknown key ${JSON.stringify(unknown)}; ${FORM}`);
  const { url, headers = {} } = map;
  if (typeof url !== "string") throw new NoRequest(`has no url; ${FORM}`);
  const method = textOf(map, "method", "such as GET") ?? "GET";
  const client = textOf(map, "client", "an IP address such as 192.0.2.1");
  const wrong = client === undefined ? null : clientProblem(client);
  if (wrong !== null) throw new NoRequest(`client: ${wrong}`);
  const listener = textOf(map, "listener", "the name of a listener");
  return { line: `${method} ${url}`, fields: fieldsOf(headers), client, listener };
}

function textOf(map: Record<string, unknown>, key: string, right: string): string | undefined {
  const value = map[key];
  if (value === undefined || typeof value === "string") return value;
  throw new NoRequest(`${key}: ${JSON.stringify(value)} is no text; write ${right}`);
}

function fieldsOf(headers: unknown): (readonly [string, string])[] {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    throw new NoRequest(`has headers that are no map; ${FORM}`);
  return Object.entries(headers).flatMap(([name, values]) => {
    if (name === "" || name.includes(":"))
      throw new NoRequest(`headers: ${JSON.stringify(name)} is no name of a header; write {"Name": "value"}`);
    return (Array.isArray(values) ? values : [values]).map((one: unknown) => {
      if (typeof one !== "string" && typeof one !== "number")
        throw new NoRequest(`headers: ${name}: ${JSON.stringify(one)} is no text; write "value" or a list of them`);
      return [name, String(one).trim()] as const;
    });
  });
}
