import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, it } from "@std/testing/bdd";
import { DEFAULT_TIMEOUTS } from "../../core/limits.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { projectRoot } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

/** Of 100: what systemd thinks a stranger inside could still do. */
const EXPOSURE_MAX = 25;

const unit = readFileSync(join(projectRoot, "packaging", "millrace.service"), "utf8");

describe("packaging/millrace.service", () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  const settings = new Map(
    [...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value] as const),
  );

  it("reloads and drains as the program does", () => {
    assert.match(settings.get("ExecReload") ?? "", /kill -HUP \$MAINPID$/);
    assert.equal(settings.get("KillSignal"), "SIGTERM");
    const drainSeconds = DEFAULT_TIMEOUTS.drainMs / 1000;
    assert.ok(Number(settings.get("TimeoutStopSec")) >= drainSeconds + 5, "the drain is cut off");
  });

  it("has Bun's allocator keep its pages", () => {
    assert.equal(settings.get("Environment"), "MIMALLOC_PURGE_HOLES=0");
  });

  it("lets runtimes compile, and little else", () => {
    assert.equal(settings.get("MemoryDenyWriteExecute"), "no");
    assert.equal(settings.get("CapabilityBoundingSet"), "CAP_NET_BIND_SERVICE");
    for (const name of ["NoNewPrivileges", "DynamicUser", "PrivateTmp"]) assert.equal(settings.get(name), "yes", name);
  });

  it("is right, says systemd, and exposes little", { ignore: lacksTool("systemd-analyze") }, async () => {
    // The program need not be installed here.
    const file = scratch.write("millrace.service", unit.replace("/usr/local/bin/millrace", "/bin/true"));
    const verified = await runProgram(["systemd-analyze", "verify", "--man=no", file]);
    assert.deepEqual([verified.code, verified.stdout, verified.stderr], [0, "", ""]);
    const options = ["--no-pager", "--offline=true", `--threshold=${EXPOSURE_MAX}`];
    const rated = await runProgram(["systemd-analyze", "security", ...options, file]);
    assert.equal(rated.code, 0, rated.stdout + rated.stderr);
  });
});
