import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { FILE_BYTES_MAX, readTextFile } from "../../cli/read-text-file.ts";
import { runProgram, startProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { cliCommand } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";

describe("reading a file", () => {
  const scratch = createScratch();
  const problem = async (name: string, content?: string | Uint8Array) => {
    const result = await readTextFile(content === undefined ? scratch.path(name) : scratch.write(name, content));
    return typeof result === "string" ? "" : result.problem;
  };

  it("gives its text, without a byte order mark", async () => {
    assert.equal(await readTextFile(scratch.write("a", "\ufeffgrün\n")), "grün\n");
  });

  it("says why it cannot", async () => {
    assert.match(await problem("missing"), /does not exist/);
    assert.match(await problem("."), /is a directory/);
    assert.match(await problem("utf16", new Uint8Array([0xff, 0xfe, 65, 0])), /UTF-16/);
    assert.match(await problem("binary", new Uint8Array([65, 0, 66])), /binary/);
    assert.match(await problem("latin1", new Uint8Array([65, 0xe9, 66])), /not UTF-8/);
  });

  it("takes 16 MiB and not a byte more", async () => {
    assert.equal(
      ((await readTextFile(scratch.write("full", new Uint8Array(FILE_BYTES_MAX).fill(65)))) as string).length,
      FILE_BYTES_MAX,
    );
    assert.match(await problem("more", new Uint8Array(FILE_BYTES_MAX + 1).fill(65)), /larger than 16 MiB/);
  });

  it("reads what does not know its size, such as a pipe", async () => {
    const pipe = scratch.path("pipe");
    assert.equal((await runProgram(["mkfifo", pipe])).code, 0);
    const reading = readTextFile(pipe);
    await runProgram(["sh", "-c", 'seq 10000 > "$0"', pipe]);
    assert.equal(await reading, Array.from({ length: 10_000 }, (_, index) => `${index + 1}\n`).join(""));
  });

  it("does not wait for ever for a pipe that nobody writes to, or not to its end", async () => {
    const pipe = scratch.path("silent");
    assert.equal((await runProgram(["mkfifo", pipe])).code, 0);
    const problemOf = async () => {
      const result = await readTextFile(pipe, 200);
      return typeof result === "string" ? result : result.problem;
    };
    assert.equal(await problemOf(), "is a pipe into which nobody has written for 0.2s");
    const writer = startProgram(["sh", "-c", 'exec 3<>"$0"; printf half >&3; echo there; exec sleep 60', pipe]);
    await writer.says(/there/);
    assert.equal(await problemOf(), "is a pipe into which nobody has written for 0.2s");
    await writer.stop();
  });

  it("reads what a shell gives a name to, however late it comes, and to its end", {
    ignore: lacksTool("bash"),
  }, async () => {
    const checked = async (command: string) => {
      const script = `"$@" <(${command})`;
      return (await runProgram(["bash", "-c", script, "bash", ...cliCommand(), "check"])).stderr;
    };
    assert.doesNotMatch(await checked('sleep 0.5; echo "{ listeners: [:80], routes: [respond: {}] }"'), /pipe|problem/);
    assert.match(await checked("true"), /is empty/);
  });

  it("does not read a device for ever", async () => {
    const result = await readTextFile("/dev/zero");
    assert.match(typeof result === "string" ? "" : result.problem, /larger than/);
  });
});
