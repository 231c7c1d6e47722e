import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { afterEach, describe, it } from "@std/testing/bdd";
import { fileVersions } from "../../cli/file-version.ts";
import { loadConfig, type Origins } from "../../cli/load-config.ts";
import { type FileWatch, watchFiles, watchProblem } from "../../cli/watch-files.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";
import { pause, until } from "../e2e/wait.ts";

let watching: FileWatch | null = null;
let changes = 0;
let names: readonly string[] = [];
let scratch: Scratch;

async function watchThem(files: string[], pattern?: string, lookMs?: number): Promise<Origins> {
  changes = 0;
  const globs = pattern === undefined ? [] : [{ pattern, directory: scratch.folder }];
  const origins = { files: await fileVersions(files), code: new Set<string>(), globs, isHeavy: false };
  const events = {
    onChange: (files: readonly string[]) => {
      changes++;
      names = files;
    },
    onProblem: (_: string, error: unknown) => assert.ok(lookMs !== undefined, String(error)),
  };
  watching = watchFiles(origins, events, lookMs);
  await pause(250);
  assert.equal(changes, 0, "nothing has changed yet");
  return origins;
}

/** Those that the kernel gave to this process; a new watch has a new one. */
function watchNumbers(): string[] {
  const descriptors = readdirSync("/proc/self/fd").filter((one) => {
    try {
      return readlinkSync(`/proc/self/fd/${one}`).includes("inotify");
    } catch {
      return false;
    }
  });
  const lines = descriptors.flatMap((one) => readFileSync(`/proc/self/fdinfo/${one}`, "utf8").split("\n"));
  return lines.flatMap((line) => /^inotify wd:\S+/.exec(line)?.[0] ?? []).sort();
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

  it("notices one that may not be read, and may again in the same second", async () => {
    scratch = createScratch();
    const file = scratch.write("a.yaml", "1");
    await watchThem([file]);
    chmodSync(file, 0);
    await changed(1);
    chmodSync(file, 0o644);
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

  /** One that nothing tells of: it leads elsewhere in a directory that is not watched. */
  function linkThatSwitches(): { readonly file: string; turn(): void } {
    for (const version of ["1", "2"]) {
      mkdirSync(scratch.path(`on/the/way/${version}`), { recursive: true });
      scratch.write(`on/the/way/${version}/a.yaml`, `version ${version}`);
    }
    symlinkSync("1", scratch.path("on/the/way/now"));
    symlinkSync("on/the/way/now/a.yaml", scratch.path("linked.yaml"));
    return {
      file: scratch.path("linked.yaml"),
      turn() {
        symlinkSync("2", scratch.path("on/the/way/next"));
        renameSync(scratch.path("on/the/way/next"), scratch.path("on/the/way/now"));
      },
    };
  }

  it("looks at each of thousands of files in its turn", async () => {
    scratch = createScratch();
    const files = Array.from({ length: 1_200 }, (_, i) => scratch.write(`${i}.yaml`, "1"));
    const link = linkThatSwitches();
    await watchThem([...files, link.file], undefined, 50);
    link.turn();
    await changed(1);
  });

  it("does not look when a log beside the files is written to", async () => {
    scratch = createScratch();
    const log = scratch.write("access.log", "");
    const link = linkThatSwitches();
    await watchThem([link.file], undefined, 60_000);
    link.turn();
    for (let i = 0; i < 5; i++) {
      appendFileSync(log, "x\n");
      await pause(60);
    }
    await pause(200);
    assert.equal(changes, 0);
    scratch.write("new", "");
    await changed(1);
  });

  it("watches directories in which a pattern may yet find files, and new ones", async () => {
    scratch = createScratch();
    mkdirSync(scratch.path("sites/empty"), { recursive: true });
    await watchThem([scratch.write("a.yaml", "1")], "sites/*/*.yaml", 60_000);
    scratch.write("sites/empty/a.yaml", "1");
    await changed(1);
    mkdirSync(scratch.path("sites/new"));
    await pause(400);
    assert.equal(changes, 1);
    scratch.write("sites/new/a.yaml", "1");
    await changed(2);
  });

  it("tells by which files it was, and whether they are as they were read", async () => {
    scratch = createScratch();
    const [a, b] = [scratch.write("a.yaml", "1"), scratch.write("b.yaml", "1")];
    const origins = await watchThem([a, b], "sites/*.yaml");
    assert.equal(await watching!.goBy({ ...origins }), true);
    writeFileSync(b, "22");
    assert.equal(await watching!.goBy({ ...origins }), false);
    await changed(1);
    assert.deepEqual(names, [b]);
    mkdirSync(scratch.path("sites"));
    const c = scratch.write("sites/c.yaml", "1");
    assert.equal(await watching!.goBy({ ...origins, files: await fileVersions([a, b]) }), false);
    unlinkSync(c);
    await changed(2);
  });

  const onLinux = process.platform === "linux" ? it : it.ignore;
  onLinux("keeps the watches of directories that stay", async () => {
    scratch = createScratch();
    const files = ["a", "b"].map((name) => {
      mkdirSync(scratch.path(name));
      return scratch.write(`${name}/x.yaml`, "1");
    });
    const origins = await watchThem(files);
    const before = watchNumbers();
    assert.ok(before.length >= 2);
    await watching!.goBy({ ...origins });
    await pause(250);
    assert.deepEqual(watchNumbers(), before);
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

  it("says which of the system's limits it is when a directory cannot be watched", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, watch '/a'"), { code: "ENOSPC" });
    assert.equal(
      watchProblem("/a", full, 2),
      "cannot watch /a and 2 more: this user's watches are used up (sysctl fs.inotify.max_user_watches); " +
        "changes there take 2 s or longer to be noticed",
    );
    const other = new Error("EACCES: permission denied");
    assert.match(watchProblem("/a", other, 0), /^cannot watch \/a: "EACCES: permission denied"; changes there/);
  });
});
