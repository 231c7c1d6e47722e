/** For configurations written in TypeScript: types and completion for what is handed through unchanged. */

import type { Config } from "./schema.ts";

export type { Config };

/** A configuration, or a function (async if need be) that makes one when the file is loaded. */
export function defineConfig<C extends Config | (() => Config | Promise<Config>)>(config: C): C {
  return config;
}
