/**
 * Plays the random tests of the suite many times as often as it does, on Node 24. What they meet once in a hundred runs
 * of the suite is met here, and not by somebody who has changed something else.
 *
 *   npm run fuzz                    all of them, a hundred times as often
 *   npm run fuzz -- health 1000     those whose path contains "health", a thousand times as often
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectRoot } from "../support/runtime-command.ts";

const USUAL_TIMES = 100;

const given = process.argv.slice(2);
const times = Number(given.find((text) => /^[1-9][0-9]*$/.test(text)) ?? USUAL_TIMES);
const parts = given.filter((text) => text !== String(times));
const files = readdirSync(join(projectRoot, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("test", name))
  .filter((file) => readFileSync(join(projectRoot, file), "utf8").includes("/always-holds.ts"))
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (files.length === 0) throw new Error(`no random test has ${parts.join(" or ")} in its path`);
// One after the other: each has five minutes, and other things may run as well.
for (const file of files) {
  const command = ["--import", "tsx", "test/run.ts", "--runtime", "node24", file];
  const env = { ...process.env, MILLRACE_FUZZ_TIMES: String(times) };
  const { status } = spawnSync(process.execPath, command, { cwd: projectRoot, env, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
