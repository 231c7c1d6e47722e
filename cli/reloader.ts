/**
 * Reads the configuration again when it is asked to, and hands it to the proxy. One reload at a time: whoever asks
 * meanwhile is served by the next one, which reads the files anew. Whatever goes wrong, the old configuration goes on.
 */

import type { Changes, ReloadChanges } from "../core/exchange/reload-plan.ts";
import { escapeText } from "../core/observe/escape.ts";
import type { ListenFailure, Proxy as RunningProxy } from "../core/proxy.ts";
import { errorText } from "../core/script/error-text.ts";
import { listenProblem } from "./listen-problem.ts";
import type { Superseding } from "./load-afresh.ts";
import type { FailedConfig, LoadedConfig, Origins } from "./load-config.ts";
import { plural, printProblems, printWarnings } from "./print.ts";

export interface ReloaderOptions {
  readonly proxy: Pick<RunningProxy, "reload">;
  /** What hangs need not be waited for once somebody asks for the next one. */
  load(superseding: Superseding): Promise<LoadedConfig | FailedConfig>;
  /** What belongs to a configuration outside the proxy changes, too. Answers which files of code are others now. */
  onReloaded(loaded: LoadedConfig): readonly string[];
  /**
   * The files of the configuration may be others now. Answers whether they still are as they were read; if not, whoever
   * answers asks for a reload once they rest.
   */
  onLoaded(origins: Origins): Promise<boolean>;
  /** Told what happened, line by line. */
  say(line: string): void;
}

/** Names in one line about what changed; more are counted only. */
const NAMES_SHOWN_MAX = 5;

/** Files that never rest are taken as they are the last of so many times. */
const READS_MAX = 5;

const OLD_GOES_ON = "the old configuration goes on";

export class Reloader {
  readonly #options: ReloaderOptions;
  #running: Promise<void> | null = null;
  #next = "";
  /** Why the configuration was read that was not taken yet. */
  #owed = "";
  #reads = 0;
  #loading = new AbortController();
  #givenUp = 0;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** `why` begins the line that says how it went. */
  request(why: string): void {
    this.#next = why;
    this.#loading.abort();
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#next !== "") {
      const why = this.#owed || this.#next;
      this.#next = "";
      this.#owed = "";
      const { say } = this.#options;
      try {
        const lines = await this.#reload();
        if (lines === null) this.#owed = why;
        else for (const line of lines) say(line.replace("{why}", why));
      } catch (error) {
        const text = errorText(error);
        say(`millrace: ${why}: reloading failed: ${escapeText(text)}; ${OLD_GOES_ON}`);
      }
    }
    this.#running = null;
  }

  /** Answers what is to be said, `{why}` standing for the cause; null: nothing yet, somebody is writing the files. */
  async #reload(): Promise<string[] | null> {
    const { proxy, load, onReloaded, onLoaded } = this.#options;
    this.#loading = new AbortController();
    const loaded = await load({ signal: this.#loading.signal, givenUp: this.#givenUp });
    this.#givenUp = "isGivenUp" in loaded ? this.#givenUp + 1 : 0;
    const isAsRead = await onLoaded(loaded.origins);
    // In the middle of a checkout of thousands of files some are missing, and some are old.
    if (!isAsRead && ++this.#reads < READS_MAX) return null;
    this.#reads = 0;
    const lines = printWarnings(loaded.warnings);
    if ("problems" in loaded) {
      lines.push(...printProblems(loaded.problems));
      lines.push(`millrace: {why}: ${plural(loaded.problems.length, "problem")}; ${OLD_GOES_ON}`);
      return lines;
    }
    const result = await proxy.reload(loaded.config.snapshot);
    if ("refused" in result) {
      const reason = result.refused === null ? "the proxy is stopping" : reloadProblem(result.refused);
      return [...lines, `millrace: {why}: not reloaded: ${reason}; ${OLD_GOES_ON}`];
    }
    return [...lines, `millrace: {why}: reloaded; ${describeChanges(result.changes, onReloaded(loaded))}`];
  }
}

/** What listens on the address may be ourselves: `:80` excludes `127.0.0.1:80`. */
function reloadProblem(refused: ListenFailure): string {
  const problem = listenProblem(refused);
  if (refused.code !== "EADDRINUSE") return problem;
  return `${problem}; if that is a listener of this process, take it out in one reload and add the new one in the next`;
}

/** `routes: 1 added (api), 2 removed (old, older); settings changed; code: 1 changed (hooks.ts)`. */
export function describeChanges(
  { listeners, upstreams, routes, settings }: ReloadChanges,
  code: readonly string[],
): string {
  const parts = [
    ...describe("listeners", listeners),
    ...describe("upstreams", upstreams),
    ...describe("routes", routes),
    ...(settings ? ["settings changed"] : []),
    ...describe("code", { added: [], changed: code, removed: [] }),
  ];
  return parts.length === 0 ? "nothing has changed for requests" : parts.join("; ");
}

function describe(what: string, changes: Changes): string[] {
  const kinds = (["added", "changed", "removed"] as const)
    .filter((kind) => changes[kind].length > 0)
    .map((kind) => `${changes[kind].length} ${kind} (${namesOf(changes[kind])})`);
  return kinds.length === 0 ? [] : [`${what}: ${kinds.join(", ")}`];
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).map(escapeText);
  return names.length > shown.length ? `${shown.join(", ")}, …` : shown.join(", ");
}
