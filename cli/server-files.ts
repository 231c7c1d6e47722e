/** Files that list servers: read when an upstream asks for one, and again when it changes. A bad one changes nothing. */

import { readFileSync, statSync } from "node:fs";
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
import { decodeText, reasonOf } from "./read-text-file.ts";
import { shownName } from "./shown-name.ts";
import { isLackOfDescriptors } from "./spare-descriptors.ts";
import { watchFiles } from "./watch-files.ts";

/** A list that could not be read for lack of descriptors is read again so much later. */
const AGAIN_MS = 2_000;

export class ServerFiles implements ServerLists {
  readonly #report: (line: string) => void;

  /** `report` gets a line for each problem. */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  watch(path: string, onList: (list: readonly ListedSource[]) => void): { stop(): void } {
    let again: ReturnType<typeof setTimeout> | undefined;
    let isToldOfLack = false;
    const read = (): void => {
      clearTimeout(again);
      const result = readServerFile(path, readEnvironment);
      if (!("problems" in result)) {
        isToldOfLack = false;
        onList(result.list);
        return;
      }
      // Nothing tells when that is over.
      if (result.isLack) again = setTimeout(read, AGAIN_MS);
      if (result.isLack && isToldOfLack) return;
      isToldOfLack = result.isLack;
      for (const line of printProblems(result.problems)) this.#report(line);
      this.#report(`millrace: ${shownName(path)}: its servers stay as they were`);
    };
    const asItIs = () => ({ files: new Map([[path, fileVersionNow(path)]]), globs: [] });
    const onChange = (): void => {
      // Also where its directory is another one now, which a watch does not notice.
      watching.goBy(asItIs());
      read();
    };
    // First: what changes while it is read would else go unnoticed.
    const first = asItIs();
    read();
    const watching = watchFiles(first, { onChange, onProblem() {} });
    const stop = () => {
      clearTimeout(again);
      watching.close();
    };
    return { stop };
  }
}

export type ServerFileResult =
  | { readonly list: readonly ListedSource[] }
  | {
      readonly problems: readonly LocatedProblem[];
      /** It is not the file's content that is wrong. */
      readonly isMissing: boolean;
      /** Nor the file: no descriptor was left to read it. */
      readonly isLack: boolean;
    };

export function readServerFile(path: string, environment: Environment): ServerFileResult {
  const file = shownName(path);
  const refuse = (message: string, isLack = false): ServerFileResult => ({
    problems: [{ file, position: null, path: "", message }],
    isMissing: true,
    isLack,
  });
  const text = readBounded(path);
  if (typeof text !== "string") return refuse(text.problem, text.isLack);
  const lacking = lackingPermission();
  if (lacking !== null) return refuse(lacking);
  const document = parseDocument(text);
  if ("problems" in document) {
    const problems = document.problems.map(({ message, position }) => ({ file, position, path: "", message }));
    return { problems, isMissing: false, isLack: false };
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
  if (problems.length > 0) return { problems: problems.map(located), isMissing: false, isLack: false };
  const compiled = compileServerList(value);
  if ("problems" in compiled) return { problems: compiled.problems.map(located), isMissing: false, isLack: false };
  return { list: compiled };
}

function readBounded(path: string): string | { readonly problem: string; readonly isLack?: boolean } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { problem: "is a directory; name a file in it" };
    // Reading these has no end, or none that we know of.
    if (!stat.isFile()) return { problem: "is a pipe or a device; a list of servers is an ordinary file" };
    if (stat.size > SERVER_FILE_BYTES_MAX)
      return { problem: `is larger than ${SERVER_FILE_BYTES_MAX / 1024 ** 2} MiB; split the list into several files` };
    return decodeText(readFileSync(path));
  } catch (error) {
    return { problem: reasonOf(error), isLack: isLackOfDescriptors(error) };
  }
}
