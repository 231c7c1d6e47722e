/** Where a program is, and which version; the distribution's sbin is searched even when the PATH leaves it out. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export function pathOf(program: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}

/** The first number with dots in what the program says of itself. */
export function versionOf(command: readonly string[]): string {
  const [file, ...args] = command;
  const { stdout, stderr } = spawnSync(file as string, args, { encoding: "utf8", timeout: 10_000 });
  return /\d+\.\d+(?:\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? "?";
}
