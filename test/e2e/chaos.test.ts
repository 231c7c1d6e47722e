// The gentlest form of `npm run chaos`: failures under a little load, on the runtime under test.

import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { nodeScript } from "./backend.ts";
import { runProgram } from "./program.ts";

describe("chaos", () => {
  it("is noticed by no client: servers killed, hung, resetting, responses cut, reloads", async () => {
    const options = ["--smoke", "--runtime", runtimeUnderTest(), "--seconds", "2", "--rate", "120", "--seed", "1"];
    const { code, stdout, stderr } = await runProgram(nodeScript("../chaos/run.ts", options), { timeoutMs: 90_000 });
    assert.equal(code, 0, stdout + stderr);
    for (const name of ["killed", "hung", "resetting", "cut"]) assert.match(stdout, new RegExp(`\\+ ${name}: `));
  });
});
