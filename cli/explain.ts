/** `millrace explain FILE METHOD URL`: where would this request go, and why? */

import type { Snapshot } from "../core/exchange/snapshot.ts";
import { differences, differenceText } from "../core/explain/differences.ts";
import { type AskedRequest, type Explanation, explain as explainRequest } from "../core/explain/explain.ts";
import { explanationText } from "../core/explain/explanation-text.ts";
import { canonicalAddress } from "../core/http/address-block.ts";
import { escapeText } from "../core/observe/access-log.ts";
import { EXIT_CONFIG, EXIT_DIFFERENT, EXIT_OK, EXIT_USAGE } from "./exit-codes.ts";
import { standardError, standardOutput } from "./line-writer.ts";
import { loadConfig } from "./load-config.ts";
import { printProblem, printProblems } from "./print.ts";
import { readEnvironment } from "./read-environment.ts";
import { readRequests } from "./requests-file.ts";

export interface ExplainOptions {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly header: readonly string[];
  readonly client: string | undefined;
  readonly listener: string | undefined;
  readonly json: boolean;
  /** Another configuration to compare with. */
  readonly against: string | undefined;
  /** A file of requests instead of one. */
  readonly requests: string | undefined;
}

export async function explain(file: string, options: ExplainOptions): Promise<number> {
  const asked = await requestsOf(options);
  if (asked === null) return EXIT_USAGE;
  const snapshots = await Promise.all([file, ...(options.against === undefined ? [] : [options.against])].map(load));
  const [snapshot, other] = snapshots;
  if (snapshots.includes(null) || snapshot === null || snapshot === undefined) return EXIT_CONFIG;
  if (!areListeners(asked, [snapshot, other])) return EXIT_USAGE;
  try {
    if (other !== undefined && other !== null) return compare(asked, [snapshot, other], options.json);
    for (const each of asked)
      write(explainRequest(snapshot, each), { ...options, isOne: options.requests === undefined });
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say(error.message);
    return EXIT_USAGE;
  }
}

/** Null: what is wrong has been said. */
async function requestsOf(options: ExplainOptions): Promise<readonly AskedRequest[] | null> {
  const { method, url, requests, client, listener } = options;
  if (requests !== undefined) {
    if (method !== undefined) return refuse("give either METHOD and URL, or --requests FILE");
    const read = await readRequests(requests);
    if ("requests" in read) return read.requests;
    for (const { line, message } of read.problems) say(`${requests}${line === 0 ? "" : `:${line}`}: ${message}`);
    return null;
  }
  if (method === undefined) return refuse("give METHOD and URL, as in: millrace explain FILE GET https://a.example/x");
  // A lone URL is a GET.
  const line = url === undefined ? method : `${method} ${url}`;
  const fields: [string, string][] = [];
  for (const each of options.header) {
    const colon = each.indexOf(":");
    if (colon < 1) return refuse(`--header ${JSON.stringify(each)} is not of the form "Name: value"`);
    fields.push([each.slice(0, colon), each.slice(colon + 1).trim()]);
  }
  if (client !== undefined && client !== "unix" && canonicalAddress(client) === null)
    return refuse(`--client ${JSON.stringify(client)} is no IP address; write one such as 192.0.2.1`);
  return [{ line, fields, client, listener }];
}

function areListeners(asked: readonly AskedRequest[], snapshots: readonly (Snapshot | null | undefined)[]): boolean {
  const known = new Set(snapshots.flatMap((snapshot) => snapshot?.listeners.map(({ name }) => name) ?? []));
  const unknown = asked.find(({ listener }) => listener !== undefined && !known.has(listener));
  if (unknown === undefined) return true;
  say(`no listener is called ${JSON.stringify(unknown.listener)}; known are ${[...known].join(", ")}`);
  return false;
}

async function load(file: string): Promise<Snapshot | null> {
  const loaded = await loadConfig(file, readEnvironment);
  if (!("problems" in loaded)) return loaded.config.snapshot;
  for (const warning of loaded.warnings) standardError.write(`${printProblem(warning)} (warning)`);
  for (const line of printProblems(loaded.problems)) standardError.write(line);
  return null;
}

function write(explanation: Explanation, { json, isOne }: { readonly json: boolean; readonly isOne: boolean }): void {
  if (json) standardOutput.write(JSON.stringify(explanation, null, isOne ? 2 : 0));
  else if (isOne) for (const line of explanationText(explanation)) standardOutput.write(escapeLine(line));
  else standardOutput.write(escapeLine(`${explanation.request} -> ${inShort(explanation)}`));
}

function compare(
  asked: readonly AskedRequest[],
  [before, after]: readonly [Snapshot, Snapshot],
  json: boolean,
): number {
  let changed = 0;
  for (const each of asked) {
    const left = explainRequest(before, each);
    const right = explainRequest(after, each);
    const found = differences(left, right);
    if (found.length > 0) changed++;
    if (json) standardOutput.write(JSON.stringify({ request: left.request, differences: found }));
    else if (found.length > 0) {
      standardOutput.write(escapeLine(`${left.request}: ${inShort(left)} -> ${inShort(right)}`));
      for (const one of found) standardOutput.write(escapeLine(differenceText(one)));
    }
  }
  if (!json) standardOutput.write(`${changed} of ${asked.length} request${asked.length === 1 ? "" : "s"} would change`);
  return changed === 0 ? EXIT_OK : EXIT_DIFFERENT;
}

function inShort({ refused, route, upstream, answer }: Explanation): string {
  if (refused !== null) return `${refused.status} ${refused.code}`;
  const where = upstream === null ? (answer ?? route?.action ?? "nowhere") : `upstream ${upstream.name}`;
  return `route ${route?.id ?? "none"}, ${where}`;
}

function refuse(message: string): null {
  say(message);
  return null;
}

function say(message: string): void {
  standardError.write(`millrace: ${escapeLine(message)}`);
}

/** Terminals obey control characters. */
function escapeLine(line: string): string {
  return /[^\x20-\x7e\u00a0-\uffff]/.test(line) ? escapeText(line) : line;
}
