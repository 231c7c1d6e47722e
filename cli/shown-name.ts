import { relative } from "node:path";
import process from "node:process";

/** Relative when that is shorter, as a compiler would. */
export function shownName(file: string): string {
  const near = relative(process.cwd(), file);
  return near !== "" && !near.startsWith("..") ? near : file;
}
