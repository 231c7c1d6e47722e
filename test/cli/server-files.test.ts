import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, it } from "@std/testing/bdd";
import { mayPass } from "../../cli/read-text-file.ts";
import { readServerFile, ServerFiles } from "../../cli/server-files.ts";

describe("files that list servers", () => {
  it("are read again when a read has failed that is not their fault", { ignore: !existsSync("/proc/self/mem") }, () => {
    const passing = (path: string): unknown => {
      const result = readServerFile(path, () => undefined);
      return "problems" in result && result.mayPass;
    };
    assert.equal(passing("/proc/self/mem"), true, "EIO");
    assert.equal(passing("/proc/self/none"), false, "ENOENT");
    assert.equal(mayPass(Object.assign(new Error("Requires read access"), { name: "NotCapable" })), false, "Deno");
  });

  it("are watched in a directory that has taken another's place, too", async () => {
    const base = await mkdtemp(join(tmpdir(), "millrace-lists-"));
    const directory = join(base, "lists");
    const path = join(directory, "servers.yaml");
    const write = async (count: number): Promise<void> => {
      await mkdir(directory, { recursive: true });
      await writeFile(path, JSON.stringify(Array.from({ length: count }, (_, i) => `127.0.0.1:${9_001 + i}`)));
    };
    let servers = 0;
    const takesOver = async (count: number): Promise<number> => {
      const startMs = performance.now();
      while (servers !== count && performance.now() - startMs < 10_000) await delay(10);
      assert.equal(servers, count);
      return performance.now() - startMs;
    };
    await write(1);
    const watching = new ServerFiles(() => {}).watch(path, (list) => {
      servers = list.length;
    });
    try {
      await rm(directory, { recursive: true });
      await write(2);
      await takesOver(2);
      // It is looked at every 2 s anyway: three times in a row that is not what noticed it.
      const tookMs: number[] = [];
      for (const count of [3, 4, 5]) {
        await delay(200);
        await write(count);
        tookMs.push(await takesOver(count));
      }
      // One of them may have met a machine that stood still.
      const [, median = 0] = [...tookMs].sort((one, other) => one - other);
      assert.ok(median < 1_200, `${tookMs} ms`);
    } finally {
      watching.stop();
      await rm(base, { recursive: true });
    }
  });

  it("are told of to each upstream that uses one, and what is wrong with it once", async () => {
    const base = await mkdtemp(join(tmpdir(), "millrace-lists-"));
    const path = join(base, "servers.yaml");
    const other = join(base, "other.yaml");
    const lines: string[] = [];
    const files = new ServerFiles((line) => void lines.push(line));
    const counts: number[] = [];
    const watched: { stop(): void }[] = [];
    const watch = (file: string) => {
      const index = watched.length;
      watched.push(files.watch(file, ({ length }) => void (counts[index] = length)));
    };
    const become = async (...wanted: number[]): Promise<void> => {
      const startMs = performance.now();
      while (String(counts) !== String(wanted) && performance.now() - startMs < 10_000) await delay(10);
      assert.deepEqual(counts, wanted);
    };
    try {
      await writeFile(path, '["127.0.0.1:1"]');
      await writeFile(other, '["127.0.0.1:1"]');
      watch(path);
      watch(other);
      // The second upstream reads another list than the first one did, who is to hear of it, too.
      await writeFile(path, '["127.0.0.1:1", "127.0.0.1:2"]');
      watch(path);
      assert.deepEqual(counts, [1, 1, 2]);
      await become(2, 1, 2);
      await writeFile(path, "nothing");
      while (lines.length < 2) await delay(10);
      await writeFile(other, "[]");
      await become(2, 0, 2);
      assert.match(lines.join("\n"), /^[^\n]*servers\.yaml:1:1: [^\n]*\n[^\n]*its servers stay as they were$/);
      watched[0]?.stop();
      await writeFile(path, "[]");
      await become(2, 0, 0);
    } finally {
      for (const one of watched) one.stop();
      await rm(base, { recursive: true });
    }
  });
});
