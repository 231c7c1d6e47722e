/** Hooks whose cost is known: measured in time by `bench/hooks.ts`, in memory by `bench/counts.ts`. */

import type { Config } from "../core/config/define.ts";

export interface HookCase {
  readonly name: string;
  readonly hooks: NonNullable<Config["hooks"]>;
  readonly isLater: boolean;
}

export const HOOK_CASES: readonly HookCase[] = [
  { name: "no hook", hooks: {}, isLater: false },
  { name: "synchronous onRequest", hooks: { onRequest: () => undefined }, isLater: false },
  { name: "synchronous decide", hooks: { decide: () => "app" }, isLater: false },
  {
    name: "asynchronous decide from the cache",
    hooks: { decide: async ({ host }, { cache }) => await cache(host, () => "app", { ttl: "1h" }) },
    isLater: true,
  },
];
