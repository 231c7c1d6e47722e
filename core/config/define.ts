/** For configurations written in TypeScript: types and completion for what is handed through unchanged. */

import type { ConfigKeys, RouteKeys, RouteRewriteConfig, UpstreamConfig } from "./config-keys.ts";

export type { UpstreamConfig };

/** What may be written; docs/configuration.md has every key. */
export interface Config extends Omit<ConfigKeys, "routes"> {
  /** What happens with which request; docs/configuration.md says which route wins. */
  routes: readonly RouteConfig[];
}

/** What may be written of a route: one action, and one change of its path at most. */
export type RouteConfig = Omit<RouteKeys, Action | "rewrite"> & OneOf<RouteKeys, Action> & PathRewrite;

interface PathRewrite {
  /** Changes the path sent upstream; one of the keys below. */
  rewrite?: OneOf<RouteRewriteConfig, PathChange> | undefined;
}

type Action = "upstream" | "redirect" | "respond" | "target" | "mount";
type PathChange = "stripPrefix" | "path" | "pattern";

/** One of the keys, and none of the others. By `keyof`, so that each keeps the words that were written at it. */
type OneOf<T, K extends keyof T> = {
  [One in K]: { [_ in keyof Pick<T, One>]-?: NonNullable<T[_]> } & { [_ in Exclude<K, One>]?: undefined };
}[K];

/** Makes a configuration when it is loaded. */
export type ConfigFunction = () => Config | Promise<Config>;

/** A configuration, or a function (async if need be) that makes one when the file is loaded. */
// The configuration last: of two forms that don't match, compilers say what is wrong with the last.
export function defineConfig(config: ConfigFunction): ConfigFunction;
export function defineConfig(config: Config): Config;
export function defineConfig(config: Config | ConfigFunction): Config | ConfigFunction {
  return config;
}
