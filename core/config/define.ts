/** For configurations written in TypeScript: types and completion for what is handed through unchanged. */

import type { Config, RouteConfig, UpstreamConfig } from "./config.ts";

export type { Config, RouteConfig, UpstreamConfig };

/** Makes a configuration when it is loaded. */
export type ConfigFunction = () => Config | Promise<Config>;

/** A configuration, or a function (async if need be) that makes one when the file is loaded. */
// The configuration last: of two forms that don't match, compilers say what is wrong with the last.
export function defineConfig(config: ConfigFunction): ConfigFunction;
export function defineConfig(config: Config): Config;
export function defineConfig(config: Config | ConfigFunction): Config | ConfigFunction {
  return config;
}
