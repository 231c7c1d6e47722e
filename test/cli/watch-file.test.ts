import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { watchFile } from "../../cli/watch-file.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";
import { pause, until } from "../e2e/wait.ts";

let scratch: Scratch;
let changes = 0;
let watching: { close(): void } | null = null;

beforeEach(() => {
  scratch = createScratch();
  changes = 0;
});
afterEach(() => {
  watching?.close();
  scratch.remove();
});

const watch = (path: string, lookMs = 60_000): void => {
  watching = watchFile(path, () => changes++, lookMs);
};
const changed = async (count: number): Promise<void> => {
  await until(
    () => changes >= count,
    () => `change ${count}, had ${changes}`,
  );
};

describe("watching a file", () => {
  it("notices what is written, renamed over it, removed and made again", async () => {
    const file = scratch.write("a.yaml", "1");
    watch(file);
    scratch.write("a.yaml", "22");
    await changed(1);
    renameSync(scratch.write("b.yaml", "333"), file);
    await changed(2);
    rmSync(file);
    await changed(3);
    scratch.write("a.yaml", "4444");
    await changed(4);
  });

  it("notices a link beside it that leads elsewhere, as mounted volumes do it", async () => {
    for (const version of ["one", "two"]) {
      mkdirSync(scratch.path(version));
      scratch.write(`${version}/a.yaml`, version);
    }
    symlinkSync("one", scratch.path("data"));
    symlinkSync("data/a.yaml", scratch.path("a.yaml"));
    watch(scratch.path("a.yaml"));
    symlinkSync("two", scratch.path("next"));
    renameSync(scratch.path("next"), scratch.path("data"));
    await changed(1);
  });

  it("is not disturbed by other files, and says nothing once it is closed", async () => {
    const file = scratch.write("a.yaml", "1");
    watch(file);
    scratch.write("b.yaml", "1");
    await pause(150);
    assert.equal(changes, 0);
    watching?.close();
    scratch.write("a.yaml", "22");
    await pause(150);
    assert.equal(changes, 0);
  });

  it("waits for a directory that is not there yet", async () => {
    watch(scratch.path("later/a.yaml"), 50);
    mkdirSync(scratch.path("later"));
    scratch.write("later/a.yaml", "1");
    await changed(1);
  });
});
