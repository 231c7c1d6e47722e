/** `millrace explain FILE METHOD URL`: where would this request go, and why? */

import type { Snapshot } from "../core/exchange/snapshot.ts";
import { differences, differenceText } from "../core/explain/differences.ts";
import { type AskedRequest, Explainer, type Explanation } from "../core/explain/explain.ts";
import { explanationText } from "../core/explain/explanation-text.ts";
import { clientProblem, NoRequest } from "../core/explain/request-line.ts";
import { escapeText } from "../core/observe/escape.ts";
import type { Runtime } from "../core/runtime.ts";
import { EXIT_CONFIG, EXIT_DIFFERENT, EXIT_OK, EXIT_USAGE } from "./exit-codes.ts";
import type { Outputs } from "./line-writer.ts";
import { loadConfig } from "./load-config.ts";
import { printFirst, printProblems, printWarnings } from "./print.ts";
import { readEnvironment } from "./read-environment.ts";
import { type RequestProblem, readRequests } from "./requests-file.ts";

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

/** After so many requests what was written has to be read: output waits in memory. */
const AT_ONCE = 64;

export async function explain(
  file: string,
  options: ExplainOptions,
  { hmacSha256 }: Pick<Runtime, "hmacSha256">,
  outputs: Outputs,
): Promise<number> {
  return new Explain(options, hmacSha256, outputs).run(file);
}

/** A request, and where it was asked for: `requests.txt:3`, or the option that names its listener. */
type Asked = AskedRequest & { readonly from: string };

class Explain {
  readonly #options: ExplainOptions;
  readonly #hmacSha256: Runtime["hmacSha256"];
  readonly #outputs: Outputs;

  constructor(options: ExplainOptions, hmacSha256: Runtime["hmacSha256"], outputs: Outputs) {
    this.#options = options;
    this.#hmacSha256 = hmacSha256;
    this.#outputs = outputs;
  }

  async run(file: string): Promise<number> {
    const { against, requests } = this.#options;
    const isInputOnce = [file, against, requests].filter((name) => name === "-").length <= 1;
    const asked = isInputOnce ? await this.#asked() : this.#refuse("`-`, standard input, can be only one of the files");
    if (asked === null) return EXIT_USAGE;
    const snapshot = await this.#load(file);
    const other = against === undefined ? undefined : await this.#load(against);
    if (snapshot === null || other === null) return EXIT_CONFIG;
    if (!this.#areListeners(asked, [snapshot, other])) return EXIT_USAGE;
    try {
      if (other !== undefined) return await this.#compare(asked, [snapshot, other], `from ${file} to ${against}`);
      const isOne = requests === undefined;
      const explainer = this.#explainer(snapshot, isOne || this.#options.json);
      for (const [place, each] of asked.entries()) {
        if (place % AT_ONCE === 0) await this.#outputs.out.flush();
        this.#write(explainer.explain(each), isOne);
      }
      await this.#outputs.out.flush();
      return EXIT_OK;
    } catch (error) {
      // Any other TypeError is a defect of ours.
      if (!(error instanceof NoRequest)) throw error;
      this.#say(error.message);
      return EXIT_USAGE;
    }
  }

  /** Null: what is wrong has been said. */
  async #asked(): Promise<readonly Asked[] | null> {
    const { method, url, requests, client, listener, header } = this.#options;
    const fields: (readonly [string, string])[] = [];
    for (const each of header) {
      const colon = each.indexOf(":");
      if (colon < 1) return this.#refuse(`--header ${JSON.stringify(each)} is not of the form "Name: value"`);
      fields.push([each.slice(0, colon), each.slice(colon + 1).trim()]);
    }
    const wrong = client === undefined ? null : clientProblem(client);
    if (wrong !== null) return this.#refuse(`--client ${wrong}`);
    const given = { fields, client, listener, from: "--listener" };
    if (requests !== undefined) {
      if (method !== undefined) return this.#refuse("give either METHOD and URL, or --requests FILE");
      return this.#read(requests, given);
    }
    if (method === undefined)
      return this.#refuse("give METHOD and URL, as in: millrace explain FILE GET https://a.example/x");
    // A lone URL is a GET.
    return [{ ...given, line: url === undefined ? method : `${method} ${url}` }];
  }

  /** What the command line says holds for lines that do not say otherwise. */
  async #read(file: string, given: Omit<Asked, "line">): Promise<readonly Asked[] | null> {
    const read = await readRequests(file);
    if ("requests" in read)
      return read.requests.map(({ line, fields, client, listener, at }) => {
        const own = new Set(fields.map(([name]) => name.toLowerCase()));
        return {
          line,
          fields: [...given.fields.filter(([name]) => !own.has(name.toLowerCase())), ...fields],
          client: client ?? given.client,
          listener: listener ?? given.listener,
          from: listener === undefined ? given.from : `${file}:${at}`,
        };
      });
    const print = ({ line, message }: RequestProblem) => `${file}${line === 0 ? "" : `:${line}`}: ${message}`;
    for (const line of printFirst(read.problems, print, "more")) this.#say(line);
    return null;
  }

  #areListeners(asked: readonly Asked[], snapshots: readonly (Snapshot | undefined)[]): boolean {
    const known = new Set(snapshots.flatMap((snapshot) => snapshot?.listeners.map(({ name }) => name) ?? []));
    const unknown = asked.find(({ listener }) => listener !== undefined && !known.has(listener));
    if (unknown === undefined) return true;
    const { from, listener } = unknown;
    this.#say(`${from}: no listener is called ${JSON.stringify(listener)}; known are ${[...known].join(", ")}`);
    return false;
  }

  async #load(file: string): Promise<Snapshot | null> {
    const loaded = await loadConfig(file, readEnvironment);
    if (!("problems" in loaded)) return loaded.config.snapshot;
    for (const line of printWarnings(loaded.warnings)) this.#outputs.err.write(line);
    for (const line of printProblems(loaded.problems)) this.#outputs.err.write(line);
    return null;
  }

  #explainer(snapshot: Snapshot, withRejected: boolean): Explainer {
    return new Explainer(snapshot, { hmacSha256: this.#hmacSha256, withRejected });
  }

  #write(explanation: Explanation, isOne: boolean): void {
    if (this.#options.json) this.#outputs.out.write(JSON.stringify(explanation, null, isOne ? 2 : 0));
    else if (isOne) for (const line of explanationText(explanation)) this.#print(line);
    else this.#print(`${explanation.request} -> ${inShort(explanation)}`);
  }

  async #compare(
    asked: readonly Asked[],
    [before, after]: readonly [Snapshot, Snapshot],
    what: string,
  ): Promise<number> {
    const explainers = [this.#explainer(before, false), this.#explainer(after, false)] as const;
    let changed = 0;
    for (const [place, each] of asked.entries()) {
      if (place % AT_ONCE === 0) await this.#outputs.out.flush();
      const left = explainers[0].explain(each);
      const right = explainers[1].explain(each);
      const found = differences(left, right);
      if (found.length > 0) changed++;
      if (this.#options.json) this.#outputs.out.write(JSON.stringify({ request: left.request, differences: found }));
      else if (found.length > 0) {
        this.#print(`${left.request}: ${inShort(left)} -> ${inShort(right)}`);
        for (const one of found) this.#print(differenceText(one));
      }
    }
    const total = `${changed} of ${asked.length} request${asked.length === 1 ? "" : "s"} would change ${what}`;
    if (!this.#options.json) this.#print(total);
    await this.#outputs.out.flush();
    return changed === 0 ? EXIT_OK : EXIT_DIFFERENT;
  }

  #refuse(message: string): null {
    this.#say(message);
    return null;
  }

  #say(message: string): void {
    this.#outputs.err.write(`millrace: ${escapeLine(message)}`);
  }

  #print(line: string): void {
    this.#outputs.out.write(escapeLine(line));
  }
}

function inShort({ refused, route, upstream, answer }: Explanation): string {
  if (refused !== null) return `${refused.status} ${refused.code}`;
  const isNobody = upstream !== null && upstream.chosen === null && !upstream.isIncomplete;
  const server = isNobody ? ", where no server may be asked: 503" : "";
  const where = upstream === null ? (answer ?? route?.action ?? "nowhere") : `upstream ${upstream.name}${server}`;
  return `route ${route?.id ?? "none"}, ${where}`;
}

/** Terminals obey control characters. */
function escapeLine(line: string): string {
  return /[^\x20-\x7e\u00a0-\uffff]/.test(line) ? escapeText(line) : line;
}
