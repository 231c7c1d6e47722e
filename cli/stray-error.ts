/** Errors that nobody waits for, whatever was thrown, as a line of the log: whose they are, and what to do about them. */

import { fileURLToPath } from "node:url";
import { escapeText } from "../core/observe/escape.ts";
import { errorText } from "../core/script/error-text.ts";
import { isOneFile } from "./one-file.ts";
import type { Sources } from "./sources.ts";

export function strayError(error: unknown, sources: Pick<Sources, "placeOf" | "size">): string {
  const place = sources.placeOf(error);
  if (place !== null) return `uncaught in code of the configuration, at ${place}: ${escapeText(errorText(error))}`;
  const stack = stackOf(error);
  if (sources.size === 0 || isOurs(stack)) return `internal defect, please report it: ${escapeText(stack)}`;
  return `uncaught, and not in Millrace: look into the configuration's code and the packages it uses: ${escapeText(stack)}`;
}

const BETWEEN_FRAMES = " | ";
/** In the package, all of them are in `parts`. */
const ROOMS = ["core", "adapters", "library", "cli", "parts"];

/** A connection that fails or a `fetch` that nobody waits for has frames of the runtime only, or of a package, or none. */
function isOurs(stack: string): boolean {
  const [, ...frames] = stack.split(BETWEEN_FRAMES);
  // All of the program is one file there, and the stack does not name the parts of it.
  if (isOneFile()) return frames.length > 0;
  const root = new URL("../", import.meta.url);
  const names = ROOMS.flatMap((room) => [`${fileURLToPath(root)}${room}/`, `${root.pathname}${room}/`]);
  return frames.some((frame) => names.some((name) => frame.includes(name)));
}

/** Never throws: it is asked where nothing would catch that, and the process would end. */
function stackOf(error: unknown): string {
  try {
    const { stack } = error as Error;
    if (error instanceof Error && typeof stack === "string") return stack.replaceAll("\n", BETWEEN_FRAMES);
  } catch {
    // What can be said of it without.
  }
  return errorText(error);
}
