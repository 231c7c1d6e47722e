import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { isPermitted } from "../adapters/permission.ts";

/**
 * What it takes to read a configuration. Deno 2.9 needs six to start a thread, and ends the process when it does not get
 * them; then the thread reads files.
 */
export const READ_DESCRIPTORS = 16;

/** Whether so many files could be opened now. Yes where nobody can tell. */
export function areDescriptorsLeft(count: number): boolean {
  if (!isPermitted({ name: "read", path: devNull })) return true;
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, "r"));
    return true;
  } catch (error) {
    return !isLackOfDescriptors(error);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** Of this process, or of the whole system: it passes. */
export function isLackOfDescriptors(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "EMFILE" || code === "ENFILE";
}
