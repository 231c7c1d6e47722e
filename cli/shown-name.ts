import { sep } from "node:path";
import process from "node:process";

/** Relative where it lies in the working directory, as a compiler would; whole from the root, where services start. */
export function shownName(file: string): string {
  const directory = `${workingDirectory()}${sep}`;
  return file.startsWith(directory) ? file.slice(directory.length) : file;
}

/** The one it was started in may be gone at a reload: a release that was cleared away. Nothing is shorter from the root. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}
