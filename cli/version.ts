/** `--version`: which program this is, down to the commit, and on what it runs. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isPermitted } from "../adapters/permission.ts";
import type { Runtime } from "../core/runtime.ts";
import manifest from "../package.json" with { type: "json" };
import { builtFrom } from "./commit.ts";
import { isOneFile } from "./one-file.ts";

const GIT_MS = 2_000;

export function versionLine(runtime: Runtime): string {
  const commit = builtFrom ?? commitOfCheckout();
  const built = commit === null ? "" : `, commit ${commit}`;
  return `millrace ${manifest.version} (${runtime.name} ${runtime.version}${built})`;
}

/** Null where this is no checkout, or git does not say. */
export function commitOfCheckout(root?: URL): string | null {
  try {
    // What was built or bundled is in no checkout of its own, whatever lies around it; in an executable of Bun this URL is
    // that of the machine where it was made (1.4.5), and whatever lies there now is asked no question.
    if (isOneFile() || !import.meta.url.endsWith(".ts")) return null;
    if (!isPermitted({ name: "read" }) || !isPermitted({ name: "run", command: "git" })) return null;
    // Named, so that no GIT_DIR and no repository around this folder answers in its place.
    const folder = fileURLToPath(new URL(".git", root ?? new URL("../", import.meta.url)));
    if (!existsSync(folder)) return null;
    const args = [`--git-dir=${folder}`, "rev-parse", "--short", "HEAD"];
    const said = execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: GIT_MS });
    return /^[0-9a-f]{7,40}$/.test(said.trim()) ? said.trim() : null;
  } catch {
    return null;
  }
}
