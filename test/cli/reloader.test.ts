import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import type { FailedConfig, LoadedConfig } from "../../cli/load-config.ts";
import { describeChanges, Reloader } from "../../cli/reloader.ts";
import { compileConfig } from "../../core/config/compile.ts";
import type { Changes } from "../../core/exchange/reload-plan.ts";
import type { Snapshot } from "../../core/exchange/snapshot.ts";
import type { NotReloaded, Reloaded } from "../../core/proxy.ts";
import { projectRoot } from "../support/runtime-command.ts";

const NONE: Changes = { added: [], changed: [], removed: [] };
const NOTHING = { listeners: NONE, upstreams: NONE, routes: NONE, settings: false };
const ORIGINS = { files: new Map([["/a.yaml", ""]]), code: new Set<string>(), globs: [], isHeavy: false };

function loaded(body: string): LoadedConfig {
  const config = compileConfig({ listeners: [":80"], routes: [{ respond: { body } }] });
  if ("problems" in config) throw new Error(JSON.stringify(config.problems));
  return { config, value: {}, scripts: new Map(), files: ["a.yaml"], warnings: [], origins: ORIGINS };
}

const failed: FailedConfig = {
  problems: [{ file: "a.yaml", position: { line: 2, column: 3 }, path: "routes", message: "is wrong" }],
  warnings: [],
  origins: ORIGINS,
};

/** `changing`: whether the files change each time while they are read. */
function stage(results: (LoadedConfig | FailedConfig | Error)[], changing: boolean[] = []) {
  const said: string[] = [];
  const reloaded: LoadedConfig[] = [];
  const numbers: number[] = [];
  const patience: number[] = [];
  let answer: Reloaded | NotReloaded = { changes: NOTHING };
  const snapshots: Snapshot[] = [];
  const reloader = new Reloader({
    proxy: {
      reload: (snapshot) => {
        snapshots.push(snapshot);
        return Promise.resolve(answer);
      },
    },
    load: ({ givenUp }) => {
      patience.push(givenUp);
      numbers.push(numbers.length + 1);
      const result = results.shift();
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result!);
    },
    onReloaded: (config) => {
      reloaded.push(config);
      return [];
    },
    onLoaded: () => Promise.resolve(!changing.shift()),
    say: (line) => void said.push(line),
  });
  return {
    reloader,
    said,
    reloaded,
    numbers,
    patience,
    snapshots,
    set answer(next: Reloaded | NotReloaded) {
      answer = next;
    },
  };
}

describe("a reloader", () => {
  it("reads, hands over, and says what has changed", async () => {
    const on = stage([loaded("a")]);
    on.reloader.request("SIGHUP");
    await on.reloader.idle();
    assert.equal(on.snapshots.length, 1);
    assert.equal(on.reloaded.length, 1);
    assert.deepEqual(on.said, ["millrace: SIGHUP: reloaded; nothing has changed for requests"]);
  });

  it("tells how often in a row it was given up, until it comes to an end", async () => {
    const givenUp: FailedConfig = { ...failed, isGivenUp: true };
    const on = stage([givenUp, givenUp, failed, givenUp, loaded("a"), loaded("b")]);
    for (let i = 0; i < 6; i++) {
      on.reloader.request("SIGHUP");
      await on.reloader.idle();
    }
    assert.deepEqual(on.patience, [0, 1, 2, 0, 1, 0]);
  });

  it("takes nothing that changed while it was read, and says nothing of it", async () => {
    const on = stage([failed, loaded("half"), loaded("all")], [true, true]);
    on.reloader.request("SIGHUP");
    await on.reloader.idle();
    for (let i = 0; i < 2; i++) {
      assert.deepEqual([on.said, on.snapshots], [[], []]);
      on.reloader.request("files changed");
      await on.reloader.idle();
    }
    assert.deepEqual(on.said, ["millrace: SIGHUP: reloaded; nothing has changed for requests"]);
    assert.equal(on.snapshots.length, 1);
  });

  it("takes files that never rest as they are, each fifth time", async () => {
    const on = stage(Array(11).fill(loaded("a")), Array(11).fill(true));
    for (let i = 1; i <= 11; i++) {
      on.reloader.request("files changed");
      await on.reloader.idle();
      assert.equal(on.snapshots.length, Math.floor(i / 5));
    }
  });

  it("says it as docs/reload.md shows", () => {
    const upstreams = { ...NONE, changed: ["app"] };
    const changes = { ...NOTHING, upstreams, routes: { ...NONE, added: ["api"], removed: ["old"] } };
    const page = readFileSync(join(projectRoot, "docs", "reload.md"), "utf8");
    assert.ok(page.includes(`\nmillrace: SIGHUP: reloaded; ${describeChanges(changes, ["hooks.ts"])}\n`));
  });

  it("takes what came meanwhile together, and reads again for it", async () => {
    const on = stage([loaded("a"), loaded("b"), loaded("c")]);
    for (let i = 0; i < 9; i++) on.reloader.request(`number ${i}`);
    await on.reloader.idle();
    assert.deepEqual(on.numbers, [1, 2]);
    assert.deepEqual(
      on.said.map((line) => line.split(": ")[1]),
      ["number 0", "number 8"],
    );
    on.reloader.request("later");
    await on.reloader.idle();
    assert.deepEqual(on.numbers, [1, 2, 3]);
  });

  it("lets one that is under way know that it need not be waited for", async () => {
    const signals: AbortSignal[] = [];
    const reloader = new Reloader({
      proxy: { reload: () => Promise.resolve({ changes: NOTHING }) },
      load: async ({ signal }) => {
        signals.push(signal);
        if (signals.length === 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return loaded("a");
      },
      onReloaded: () => [],
      onLoaded: () => Promise.resolve(true),
      say: () => {},
    });
    reloader.request("first");
    reloader.request("second");
    await reloader.idle();
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false],
    );
  });

  it("changes nothing for a bad file, shows its problems, and goes on", async () => {
    const on = stage([failed, new Error("of the\ndisk"), loaded("b")]);
    for (const why of ["one", "two", "three"]) {
      on.reloader.request(why);
      await on.reloader.idle();
    }
    assert.deepEqual(on.said, [
      "a.yaml:2:3: routes: is wrong",
      "millrace: one: 1 problem; the old configuration goes on",
      'millrace: two: reloading failed: "of the\\ndisk"; the old configuration goes on',
      "millrace: three: reloaded; nothing has changed for requests",
    ]);
    assert.equal(on.snapshots.length, 1);
  });

  it("says why the proxy did not take it", async () => {
    const on = stage([loaded("a"), loaded("b")]);
    on.answer = { refused: { listener: ":80", code: "EADDRINUSE", message: "" } };
    on.reloader.request("SIGHUP");
    await on.reloader.idle();
    on.answer = { refused: null };
    on.reloader.request("SIGHUP");
    await on.reloader.idle();
    assert.equal(
      on.said[0],
      "millrace: SIGHUP: not reloaded: cannot listen on :80: the address is in use; stop what listens there, or choose another; " +
        "if that is a listener of this process, take it out in one reload and add the new one in the next; " +
        "the old configuration goes on",
    );
    assert.match(on.said[1] ?? "", /not reloaded: the proxy is stopping; the old configuration goes on$/);
    assert.equal(on.reloaded.length, 0);
  });

  it("names a few of what changed, and counts the rest", () => {
    assert.equal(
      describeChanges(
        {
          listeners: { added: [":81"], changed: [], removed: [":80"] },
          upstreams: { added: [], changed: ["a b"], removed: [] },
          routes: { added: ["1", "2", "3", "4", "5", "6"], changed: [], removed: [] },
          settings: true,
        },
        ["hooks.ts"],
      ),
      'listeners: 1 added (:81), 1 removed (:80); upstreams: 1 changed ("a b"); routes: 6 added (1, 2, 3, 4, 5, …); settings changed; code: 1 changed (hooks.ts)',
    );
  });
});
