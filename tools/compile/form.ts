/** One way to make an executable of the program. */

import { fileURLToPath } from "node:url";
import type { Target } from "./target.ts";

/** Where one form keeps its files while they are made, and what comes of them. */
export interface Place {
  readonly target: Target;
  readonly folder: string;
  readonly executable: string;
  /** Deno may ask its own server for the runtime it puts into executables: npm has none. */
  readonly fetchesDenort: boolean;
}

/** Null, or why it cannot be made. */
export type Compile = (place: Place) => Promise<string | null>;

export const root: string = fileURLToPath(new URL("../..", import.meta.url));
