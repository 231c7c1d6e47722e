/** A file of requests to explain: a line for each, `METHOD URL`, or JSON with more. */

import type { AskedRequest } from "../core/explain/explain.ts";
import { parseRequestLine } from "../core/explain/request-line.ts";
import { readTextFile } from "./read-text-file.ts";

export interface RequestProblem {
  /** From 1; 0: the file as a whole. */
  readonly line: number;
  readonly message: string;
}

const FORM =
  'write GET https://a.example/x, or {"method":"GET","url":"https://a.example/x","headers":{},"client":"192.0.2.1"}';
const KEYS = ["method", "url", "headers", "client", "listener"];

/** Empty lines and those that begin with `#` are left out. */
export async function readRequests(
  file: string,
): Promise<{ readonly requests: readonly AskedRequest[] } | { readonly problems: readonly RequestProblem[] }> {
  const text = await readTextFile(file);
  if (typeof text !== "string") return { problems: [{ line: 0, message: text.problem }] };
  const requests: AskedRequest[] = [];
  const problems: RequestProblem[] = [];
  for (const [index, each] of text.split(/\r?\n/).entries()) {
    const line = each.trim();
    if (line === "" || line.startsWith("#")) continue;
    try {
      const asked = line.startsWith("{") ? fromJson(line) : { line, fields: [] };
      parseRequestLine(asked.line);
      requests.push(asked);
    } catch (error) {
      problems.push({ line: index + 1, message: error instanceof Error ? error.message : FORM });
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
    throw new TypeError(`is no JSON; ${FORM}`);
  }
  const map = value as Record<string, unknown>;
  const unknown = Object.keys(map).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new TypeError(`has the unknown key ${JSON.stringify(unknown)}; ${FORM}`);
  const { method = "GET", url, headers = {}, client, listener } = map;
  if (typeof url !== "string" || typeof method !== "string") throw new TypeError(`has no url; ${FORM}`);
  if (typeof headers !== "object" || headers === null) throw new TypeError(`has headers that are no map; ${FORM}`);
  const fields = Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((one): [string, string] => [name, String(one)]),
  );
  return {
    line: `${method} ${url}`,
    fields,
    client: typeof client === "string" ? client : undefined,
    listener: typeof listener === "string" ? listener : undefined,
  };
}
