/** Files that list servers: read when an upstream asks for one, and again when it changes. A bad one changes nothing. */

import { readFileSync, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { type Environment, substituteEnvironment } from "../core/config/environment.ts";
import { type ConfigProblem, formatPath } from "../core/config/problem.ts";
import { compileServerList } from "../core/config/server-list.ts";
import { SERVER_FILE_BYTES_MAX } from "../core/limits.ts";
import type { ListedSource } from "../core/upstream/definition.ts";
import type { ServerLists } from "../core/upstream/server-lists.ts";
import { fileVersionNow } from "./file-version.ts";
import type { LocatedProblem } from "./load-config.ts";
import { lackingPermission, parseDocument } from "./parse-document.ts";
import { printProblems } from "./print.ts";
import { readEnvironment } from "./read-environment.ts";
import { decodeText, mayPass, reasonOf } from "./read-text-file.ts";
import { shownName } from "./shown-name.ts";
import { type FileWatch, watchFiles } from "./watch-files.ts";

/** A list that could not be read, and not because of itself, is read again so much later. */
const AGAIN_MS = 2_000;

interface WatchedList {
  /** From before it was read for the first time, or for a change. */
  version: string;
  readonly readers: Set<(list: readonly ListedSource[]) => void>;
  again: ReturnType<typeof setTimeout> | undefined;
  isTold: boolean;
}

/** All lists have one watch: thousands of customers have one each, mostly in one directory. */
export class ServerFiles implements ServerLists {
  readonly #report: (line: string) => void;
  readonly #lists = new Map<string, WatchedList>();
  #watching: FileWatch | null = null;
  #following: ReturnType<typeof setTimeout> | undefined;

  /** `report` gets a line for each problem. */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  watch(path: string, onList: (list: readonly ListedSource[]) => void): { stop(): void } {
    const list = this.#lists.get(path) ?? {
      // First: what changes while it is read would else go unnoticed.
      version: fileVersionNow(path),
      readers: new Set(),
      again: undefined,
      isTold: false,
    };
    this.#lists.set(path, list);
    list.readers.add(onList);
    this.#read(path, list, [onList]);
    this.#followSoon();
    const stop = () => {
      if (!list.readers.delete(onList) || list.readers.size > 0) return;
      clearTimeout(list.again);
      this.#lists.delete(path);
      this.#followSoon();
    };
    return { stop };
  }

  #read(path: string, list: WatchedList, readers: Iterable<(list: readonly ListedSource[]) => void>): void {
    clearTimeout(list.again);
    const result = readServerFile(path, readEnvironment);
    if (!("problems" in result)) {
      list.isTold = false;
      for (const onList of readers) onList(result.list);
      return;
    }
    // Nothing tells when that is over.
    if (result.mayPass) list.again = setTimeout(() => this.#read(path, list, list.readers), AGAIN_MS);
    if (result.mayPass && list.isTold) return;
    list.isTold = result.mayPass;
    for (const line of printProblems(result.problems)) this.#report(line);
    this.#report(`millrace: ${shownName(path)}: its servers stay as they were`);
  }

  /** All that a reload begins and ends to watch at once. */
  #followSoon(): void {
    clearTimeout(this.#following);
    if (this.#lists.size > 0) {
      this.#following = setTimeout(() => this.#follow(), 0);
      return;
    }
    this.#watching?.close();
    this.#watching = null;
  }

  #follow(): void {
    const origins = { files: new Map([...this.#lists].map(([path, { version }]) => [path, version])), globs: [] };
    const onChange = (paths: readonly string[]) => void this.#readAgain(paths);
    if (this.#watching === null) this.#watching = watchFiles(origins, { onChange, onProblem() {} });
    else void this.#watching.goBy(origins);
  }

  async #readAgain(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const list = this.#lists.get(path);
      if (list === undefined) continue;
      list.version = fileVersionNow(path);
      this.#read(path, list, list.readers);
      // Requests come in between.
      await setImmediate();
    }
  }
}

export type ServerFileResult =
  | { readonly list: readonly ListedSource[] }
  | {
      readonly problems: readonly LocatedProblem[];
      /** It is not the file's content that is wrong. */
      readonly isMissing: boolean;
      /** Nor the file: see `read-text-file.ts`. */
      readonly mayPass: boolean;
    };

export function readServerFile(path: string, environment: Environment): ServerFileResult {
  const file = shownName(path);
  const refuse = (message: string, passes = false): ServerFileResult => ({
    problems: [{ file, position: null, path: "", message }],
    isMissing: true,
    mayPass: passes,
  });
  const text = readBounded(path);
  if (typeof text !== "string") return refuse(text.problem, text.mayPass);
  const lacking = lackingPermission();
  if (lacking !== null) return refuse(lacking);
  const document = parseDocument(text);
  if ("problems" in document) {
    const problems = document.problems.map(({ message, position }) => ({ file, position, path: "", message }));
    return { problems, isMissing: false, mayPass: false };
  }
  const located = ({
    path: at,
    message,
    atKey,
  }: Omit<ConfigProblem, "atKey"> & { atKey?: boolean }): LocatedProblem => ({
    file,
    position: document.positionOf(at, atKey ?? false),
    path: formatPath(at),
    message,
  });
  const { value, problems } = substituteEnvironment(document.value, environment);
  if (problems.length > 0) return { problems: problems.map(located), isMissing: false, mayPass: false };
  const compiled = compileServerList(value);
  if ("problems" in compiled) return { problems: compiled.problems.map(located), isMissing: false, mayPass: false };
  return { list: compiled };
}

function readBounded(path: string): string | { readonly problem: string; readonly mayPass?: boolean } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { problem: "is a directory; name a file in it" };
    // Reading these has no end, or none that we know of.
    if (!stat.isFile()) return { problem: "is a pipe or a device; a list of servers is an ordinary file" };
    if (stat.size > SERVER_FILE_BYTES_MAX)
      return { problem: `is larger than ${SERVER_FILE_BYTES_MAX / 1024 ** 2} MiB; split the list into several files` };
    return decodeText(readFileSync(path));
  } catch (error) {
    return { problem: reasonOf(error), mayPass: mayPass(error) };
  }
}
