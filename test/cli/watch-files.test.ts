import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, describe, it } from "@std/testing/bdd";
import { fileVersions } from "../../cli/file-version.ts";
import { loadConfig, type Origins } from "../../cli/load-config.ts";
import { type FileWatch, watchFiles } from "../../cli/watch-files.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";
import { pause, until } from "../e2e/wait.ts";

let watching: FileWatch | null = null;
let changes = 0;
let scratch: Scratch;

async function watchThem(files: string[], pattern?: string, lookMs?: number): Promise<Origins> {
  changes = 0;
  const globs = pattern === undefined ? [] : [{ pattern, directory: scratch.folder }];
  const origins = { files: await fileVersions(files), code: new Set<string>(), globs, isHeavy: false };
  const events = {
    onChange: () => {
      changes++;
    },
    onProblem: (_: string, error: unknown) => assert.ok(lookMs !== undefined, String(error)),
  };
  watching = watchFiles(origins, events, lookMs);
  await pause(250);
  assert.equal(changes, 0, "nothing has changed yet");
  return origins;
}

const changed = (count: number) =>
  until(
    () => (changes >= count ? changes : null),
    () => `${count} changes, not ${changes}`,
  );

afterEach(() => {
  watching?.close();
  scratch.remove();
});

describe("watching files", () => {
  it("notices one that is written in place, and one that is renamed over it, again and again", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    await watchThem([file]);
    writeFileSync(file, "12");
    await changed(1);
    for (const count of [2, 3]) {
      renameSync(scratch.write("new", "x".repeat(count + 5)), file);
      await changed(count);
    }
    writeFileSync(file, "1234");
    await changed(4);
  });

  it("does not care for other files beside it", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    await watchThem([file]);
    for (let i = 0; i < 5; i++) scratch.write(`log${i}`, "x");
    await pause(300);
    assert.equal(changes, 0);
  });

  it("notices a link on the way that leads elsewhere", async () => {
    scratch = createScratch();
    for (const version of ["1", "2"]) {
      mkdirSync(scratch.path(version));
      scratch.write(`${version}/a.yaml`, `version ${version}`);
    }
    symlinkSync("1", scratch.path("now"));
    symlinkSync("now/a.yaml", scratch.path("a.yaml"));
    await watchThem([scratch.path("a.yaml")]);
    symlinkSync("2", scratch.path("next"));
    renameSync(scratch.path("next"), scratch.path("now"));
    await changed(1);
  });

  it("notices files that a pattern finds from now on, and those that go", async () => {
    scratch = createScratch();
    mkdirSync(scratch.path("sub"));
    await watchThem([scratch.write("a.yaml", "1")], "sub/*.yaml");
    scratch.write("sub/b.txt", "");
    const file = scratch.write("sub/b.yaml", "");
    await changed(1);
    unlinkSync(file);
    await changed(2);
  });

  it("notices one that is written to while the configuration is read for an earlier change", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    const origins = await watchThem([file]);
    writeFileSync(file, "22");
    await pause(20);
    watching?.goBy({ ...origins });
    await changed(1);
  });

  it("notices one in a directory that has taken the place of another", async () => {
    scratch = createScratch();
    for (const name of ["now", "next"]) mkdirSync(scratch.path(name));
    const file = scratch.write("now/a.yaml", "1");
    scratch.write("next/a.yaml", "22");
    const origins = await watchThem([file]);
    renameSync(scratch.path("now"), scratch.path("old"));
    renameSync(scratch.path("next"), scratch.path("now"));
    // At SIGHUP at the latest it is read again.
    watching?.goBy({ ...origins, files: await fileVersions([file]) });
    await pause(250);
    const before = changes;
    writeFileSync(file, "333");
    await changed(before + 1);
  });

  it("notices one that is removed, and made again", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    await watchThem([file]);
    unlinkSync(file);
    await changed(1);
    scratch.write("a.yaml", "1");
    await changed(2);
  });

  it("looks by itself where nothing tells of a change", async () => {
    scratch = createScratch();
    await watchThem([scratch.path("later/a.yaml")], undefined, 50);
    mkdirSync(scratch.path("later"));
    scratch.write("later/a.yaml", "1");
    await changed(1);
  });

  it("does not wait for the others in a busy directory", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    await watchThem([file], undefined, 60_000);
    const busy = setInterval(() => scratch.write("log", "x"), 20);
    writeFileSync(file, "12");
    try {
      await changed(1);
    } finally {
      clearInterval(busy);
    }
  });

  it("may go by other files, and end", async () => {
    scratch = createScratch();
    const [a, b] = [scratch.write("a.yaml", "1"), scratch.write("b.yaml", "1")];
    await watchThem([a]);
    watching?.goBy({ files: await fileVersions([b]), globs: [] });
    writeFileSync(a, "123");
    await pause(250);
    assert.equal(changes, 0);
    writeFileSync(b, "123");
    await changed(1);
    watching?.close();
    writeFileSync(b, "12345");
    await pause(250);
    assert.equal(changes, 1);
  });

  it("reads again when a file that a pattern found was gone before it was read, not for a link that leads nowhere", async () => {
    scratch = createScratch();
    const main = scratch.write("main.yaml", 'include: "sites/*"\n');
    mkdirSync(scratch.path("sites"));
    const remove = 'import { rmSync } from "node:fs"; rmSync(new URL("2.yaml", import.meta.url), { force: true });';
    scratch.write("sites/1.ts", `${remove} export default { listeners: [":80"], routes: [{ respond: {} }] };`);
    scratch.write("sites/2.yaml", "routes: []\n");
    const load = async () => {
      const loaded = await loadConfig(main, () => undefined);
      return { origins: loaded.origins, problems: "problems" in loaded ? loaded.problems.length : 0 };
    };
    const first = await load();
    assert.equal(first.problems, 1);
    changes = 0;
    const onChange = () => {
      changes++;
    };
    watching = watchFiles(first.origins, { onChange, onProblem: () => {} }, 50);
    await changed(1);
    assert.equal((await load()).problems, 0);
    symlinkSync("nowhere", scratch.path("sites/3.yaml"));
    const last = await load();
    assert.equal(last.problems, 1);
    changes = 0;
    watching.goBy(last.origins);
    await pause(400);
    assert.equal(changes, 0);
  });
});
