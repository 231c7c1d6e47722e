/** Our own modules: a configuration anywhere gets those of the program that runs it. */

import { fileURLToPath } from "node:url";
import { isOneFile } from "./one-file.ts";

/** Loaders instead of names, so that bundlers see what belongs to the program. */
export const ownModules: ReadonlyMap<string, () => Promise<object>> = new Map([
  ["millrace", (): Promise<object> => import("../library/mod.ts")],
  ["millrace/core", (): Promise<object> => import("../core/mod.ts")],
  ["millrace/testing", (): Promise<object> => import("../testing/mod.ts")],
]);

const ROOMS = ["core", "adapters", "library", "testing"];

/** A file of this program, which a configuration in a checkout may name by its path. */
export function isOwnFile(path: string): boolean {
  if (isOneFile()) return false;
  return ROOMS.some((room) => path.startsWith(fileURLToPath(new URL(`../${room}/`, import.meta.url))));
}
