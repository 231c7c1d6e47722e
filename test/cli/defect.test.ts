import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";

/** A throw while one request is served harms no other (row Q12), and is told. */
describe("a defect", () => {
  it("Q12 is logged, and the proxy serves on", async () => {
    const runtime = runtimeUnderTest();
    const args = [...scriptOptions(runtime), join(projectRoot, "test/cli/throwing-observer.ts")];
    const child = spawn(executableOf(runtime), args, { cwd: projectRoot });
    let said = "";
    child.stderr.on("data", (bytes) => {
      said += String(bytes);
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    try {
      const url = await until(
        () => /listening on (\S+)/.exec(said)?.[1],
        ended,
        () => said,
      );
      assert.equal(await (await fetch(`${url}/fine`)).text(), "fine\n");
      await fetch(`${url}/defect`);
      await until(
        () => /internal defect.*thrown for the test/.exec(said)?.[0],
        ended,
        () => said,
      );
      assert.equal(await (await fetch(`${url}/fine`)).text(), "fine\n");
    } finally {
      process.kill(child.pid!, "SIGKILL");
      await ended;
    }
  });
});

/** What `look` finds once it finds something; fails when the program ends first, or after 20 s. */
async function until(look: () => string | undefined, ended: Promise<unknown>, said: () => string): Promise<string> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (let waited = 0; waited < 400 && !isOver; waited++) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not seen before ${isOver ? "the program ended" : "20 s were over"}: ${said()}`);
}
