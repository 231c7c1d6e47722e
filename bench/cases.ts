/** What is measured. */

import { fileURLToPath } from "node:url";
import { hostOfRoute, ROUTE_HOSTS, ROUTE_PATHS } from "./many-routes.ts";
import { PATHS } from "./nginx.ts";

/** How a target is configured: everything to one origin, or more than that. */
export type Setup = "plain" | "routes" | "hook";

export interface LoadCase {
  readonly name: string;
  readonly title: string;
  /** Beside those with another setup, the plain ones are measured, too: what it adds is wanted. */
  readonly setup: Setup;
  readonly path: string;
  readonly headers: readonly string[];
  /** Lua for wrk; null where path and headers say all. */
  readonly script: string | null;
  readonly connections: number;
  /** Null where a response is small: requests are counted, not bytes. */
  readonly bodyBytes: number | null;
  readonly closeEach: boolean;
  /** A new connection per request takes an outgoing port each, and the kernel has some 28,000. */
  readonly secondsMax: number;
  /** So many until the runtimes' compilers have done the most; before, a good part of the time is theirs. */
  readonly warmUpRequests: number;
}

const SMALL: LoadCase = {
  name: "small",
  title: "Small GET (128 bytes)",
  setup: "plain",
  path: PATHS.small,
  headers: [],
  script: null,
  connections: 64,
  bodyBytes: null,
  closeEach: false,
  secondsMax: Number.POSITIVE_INFINITY,
  warmUpRequests: 80_000,
};

export const LOAD_CASES: readonly LoadCase[] = [
  SMALL,
  { ...SMALL, name: "64k", title: "64 KiB body", path: PATHS["64k"], bodyBytes: 2 ** 16, warmUpRequests: 20_000 },
  { ...SMALL, name: "1m", title: "1 MiB body", path: PATHS["1m"], bodyBytes: 2 ** 20, warmUpRequests: 2000 },
  {
    ...SMALL,
    name: "post",
    title: "POST of 16 KiB",
    path: PATHS.post,
    script: fileURLToPath(new URL("post-16k.lua", import.meta.url)),
    warmUpRequests: 40_000,
  },
  {
    ...SMALL,
    name: "close",
    title: "Small GET, new connection per request",
    closeEach: true,
    secondsMax: 2,
    warmUpRequests: 10_000,
  },
  { ...SMALL, name: "1000", title: "Small GET", connections: 1000 },
  {
    ...SMALL,
    name: "routes",
    title: `Small GET, the last of ${(ROUTE_HOSTS * ROUTE_PATHS).toLocaleString("en")} routes`,
    setup: "routes",
    path: `${PATHS.route}${ROUTE_PATHS - 1}/page`,
    headers: [`Host: ${hostOfRoute(ROUTE_HOSTS - 1)}`],
  },
  { ...SMALL, name: "hook", title: "Small GET, a synchronous hook", setup: "hook" },
];

/** Not a load: see measure-idle.ts. */
export const IDLE_CASE = "idle";

export const CASE_NAMES: readonly string[] = [...LOAD_CASES.map((one) => one.name), IDLE_CASE];
