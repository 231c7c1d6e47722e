/** Errors that nobody waits for, whatever was thrown, as a line of the log: whose they are, and what to do about them. */

import { escapeText } from "../core/observe/access-log.ts";
import type { Sources } from "./sources.ts";
import { shownError } from "./while-code-runs.ts";

export function strayError(error: unknown, sources: Pick<Sources, "placeOf">): string {
  const place = sources.placeOf(error);
  if (place !== null) return `uncaught in code of the configuration, at ${place}: ${escapeText(shownError(error))}`;
  return `internal defect, please report it: ${escapeText(stackOf(error))}`;
}

/** Never throws: it is asked where nothing would catch that, and the process would end. */
function stackOf(error: unknown): string {
  try {
    const { stack } = error as Error;
    if (error instanceof Error && typeof stack === "string") return stack.replaceAll("\n", " | ");
  } catch {
    // What can be said of it without.
  }
  return shownError(error);
}
