// Programs of other projects that some tests compare with or drive: present on a prepared machine, optional elsewhere.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Whether tests of this program have to be ignored: `it("…", { ignore: lacksTool("nginx") }, …)`.
 * Throws where MILLRACE_REQUIRE_TOOLS says that nothing may be missing.
 */
export function lacksTool(command: string): boolean {
  if (pathOfTool(command) !== null) return false;
  if (process.env["MILLRACE_REQUIRE_TOOLS"] !== "1") return true;
  throw new Error(
    `${command} is not installed, and MILLRACE_REQUIRE_TOOLS=1 asks for it: install it, or unset the variable`,
  );
}

/** Debian keeps servers in sbin, which a plain user's PATH may lack. */
export function pathOfTool(command: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    const path = join(folder, command);
    if (folder !== "" && existsSync(path)) return path;
  }
  return null;
}
