/** What is measured. */

import { PATHS } from "./nginx.ts";

export interface LoadCase {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  /** Null where a response is small: requests are counted, not bytes. */
  readonly bodyBytes: number | null;
  readonly closeEach: boolean;
  /** A new connection per request takes an outgoing port each, and the kernel has some 28,000. */
  readonly secondsMax: number;
  /** So many until the runtimes' compilers have done the most; before, a good part of the time is theirs. */
  readonly warmUpRequests: number;
}

export const CONNECTIONS = 64;

export const LOAD_CASES: readonly LoadCase[] = [
  loadCase("small", "small GET", PATHS.small, null, 80_000),
  loadCase("64k", "64 KiB body", PATHS["64k"], 2 ** 16, 20_000),
  loadCase("1m", "1 MiB body", PATHS["1m"], 2 ** 20, 2000),
  {
    ...loadCase("close", "small GET, new connection per request", PATHS.small, null, 10_000),
    closeEach: true,
    secondsMax: 2,
  },
];

/** Not a load: see idle-memory.ts. */
export const IDLE_CASE = "idle";

export const CASE_NAMES: readonly string[] = [...LOAD_CASES.map((one) => one.name), IDLE_CASE];

function loadCase(
  name: string,
  title: string,
  path: string,
  bodyBytes: number | null,
  warmUpRequests: number,
): LoadCase {
  return { name, title, path, bodyBytes, warmUpRequests, closeEach: false, secondsMax: Number.POSITIVE_INFINITY };
}
