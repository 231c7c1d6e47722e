// The npm registry, from which executables for other machines are made: reached on a prepared machine, optional elsewhere.

import { spawnSync } from "node:child_process";

/**
 * Whether tests that fetch packages have to be ignored, as `lacksTool` (tool.ts) says it of programs.
 * Throws where MILLRACE_REQUIRE_TOOLS says that nothing may be missing.
 */
export function lacksRegistry(): boolean {
  const { status } = spawnSync("npm", ["view", "node@24", "version", "--fetch-retries=1"], { timeout: 30_000 });
  if (status === 0) return false;
  if (process.env["MILLRACE_REQUIRE_TOOLS"] !== "1") return true;
  throw new Error(
    "the npm registry cannot be reached, and MILLRACE_REQUIRE_TOOLS=1 asks for it: or unset the variable",
  );
}
