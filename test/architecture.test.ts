// Executes the rules ARCHITECTURE.md states. A rule that must be broken somewhere is waived here by name, with the
// reason; a waiver that is no longer needed fails, too.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { projectRoot } from "./support/runtime-command.ts";
import { functionsIn, isTypesOnly, lineAt, type Source, sourcesBelow } from "./support/source.ts";

/**
 * Inside core the imports go one way: a room may import its own and those before it. The same list stands as a figure
 * in ARCHITECTURE.md. A room is a folder, or one file where it is named with its path.
 */
const arrows: readonly (readonly string[])[] = [
  [
    "bytes",
    "time",
    "limits",
    "fault",
    "runtime",
    "observe/events",
    "observe/trace",
    "upstream/outcome",
    "script/hooks",
  ],
  ["http"],
  ["h1"],
  ["route", "balance", "health"],
  ["upstream"],
  ["script"],
  ["exchange"],
  ["listen"],
  ["config", "observe"],
  ["proxy-interface"],
  ["proxy"],
  ["explain"],
];

/** Packages a room of core may use; every other room uses none. */
const packagesOf: Readonly<Record<string, readonly string[]>> = {
  route: ["re2js", "ipaddr.js"],
  config: ["valibot", "ipaddr.js", "re2js"],
};

/** Files of `adapters/` that any adapter may use. */
const sharedByAdapters = [
  "accept-queue",
  "binding",
  "chunk-memory",
  "descriptor-watch",
  "dns-message",
  "late-writes",
  "permission",
  "range",
  "resolver",
  "send-ring",
  "small-chunks",
  "sockaddr",
  "socket-error",
  "socket-file",
  "system",
  "system-names",
];

/** The simulated runtime's modules, which every runtime has. */
const testingMayUse = ["node:buffer", "node:crypto", "node:process", "node:timers"];

const roomsWithoutPromises = [
  "bytes",
  "time",
  "http",
  "h1",
  "route",
  "balance",
  "health",
  "upstream",
  "exchange",
  "listen",
];
const fileLinesMax = 400;
const functionLinesMax = 70;

type Waivers = Readonly<Record<string, string>>;

const globalsWaivers: Waivers = {
  "core/bytes/text.ts": "looks once for the runtime's fast text decoding; the portable version stands beside it",
};
const promiseWaivers: Waivers = {
  "core/listen/listener.ts": "opening and closing a listener is control, not the path of the bytes",
  "core/listen/listeners.ts": "the same for several",
};
const wireParsingWaivers: Waivers = {
  "core/http/address-block.ts": "reads configured text, and only what its grammar has matched",
};
const lengthWaivers: Waivers = {
  "core/config/config.ts": "made by `npm run schema`, one interface for each map of a configuration",
};
const functionWaivers: Waivers = {};
/** Files of core without a test of their own: what covers them instead. */
const twinWaivers: Waivers = {
  "core/limits.ts": "numbers only; each limit is tested where it bounds something",
};
const orphanWaivers: Waivers = {};

const core = sourcesBelow("core");
const adapters = sourcesBelow("adapters");
const cli = sourcesBelow("cli");
const library = sourcesBelow("library");
const testing = sourcesBelow("testing");
const bench = sourcesBelow("bench");
const test = sourcesBelow("test");
const shipped = [...core, ...adapters, ...cli, ...library, ...testing];
const all = [...shipped, ...bench, ...test];

describe("architecture: imports", () => {
  it("core imports only core, and the packages its rooms are allowed", () => {
    check(core, (source) =>
      source.imports.flatMap((one) => {
        if (one.isFile ? one.target.startsWith("core/") : mayUse(source, one.target)) return [];
        return [
          `${source.path}:${one.line} imports ${one.target}: core knows neither the runtime nor what is above it`,
        ];
      }),
    );
  });

  it("inside core the arrows go one way", () => {
    check(core, (source) => {
      const from = levelOf(source.path);
      if (source.path === "core/mod.ts") return [];
      if (from === -1)
        return [`${source.path}:1 is in no room named by the arrows: add it to the list, and to ARCHITECTURE.md`];
      return source.imports.flatMap((one) => {
        if (!one.isFile || !one.target.startsWith("core/") || levelOf(one.target) <= from) return [];
        return [`${source.path}:${one.line} imports ${one.target}, which is above it`];
      });
    });
  });

  it("no file of core imports itself by way of others", () => {
    assert.deepEqual(cyclesIn(core), []);
  });

  it("an adapter knows the port and its own runtime only", () => {
    check(adapters, (source) => {
      if (source.path === "adapters/mod.ts") return [];
      return source.imports.flatMap((one) => {
        const isPort = one.target === "core/runtime.ts" && one.typeOnly;
        const isOwnRuntime =
          one.target.startsWith("node:") || (one.target === "bun" && source.path === "adapters/bun.ts");
        const isShared = sharedByAdapters.some((name) => one.target === `adapters/${name}.ts`);
        const isPackage = source.path === "adapters/dns-message.ts" && one.target === "dns-packet";
        // adapters/node.ts and adapters/node-socket.ts may have adapters/node-*.ts of their own.
        const isSibling = one.target.startsWith(source.path.replace(/(-[-\w]+)?\.ts$/, "-"));
        if (isPort || isOwnRuntime || isShared || isPackage || isSibling) return [];
        return [
          `${source.path}:${one.line} imports ${one.target}: only types of core/runtime.ts and its runtime's modules`,
        ];
      });
    });
  });

  it("only cli and library join adapters and core; nothing imports them", () => {
    check([...core, ...adapters], (source) =>
      source.imports.flatMap((one) => {
        const upwards = /^(?:cli|library|test|testing|bench)\//.test(one.target);
        const joins = one.target === "core/proxy.ts" && !source.path.startsWith("core/");
        return upwards || joins
          ? [`${source.path}:${one.line} imports ${one.target}: only cli, library, tests and benches may`]
          : [];
      }),
    );
    check(cli, (source) =>
      source.imports.flatMap((one) =>
        /^(?:library|test|testing|bench)\//.test(one.target) && !mayOffer(source, one.target)
          ? [`${source.path}:${one.line} imports ${one.target}, which a running proxy does without`]
          : [],
      ),
    );
    check(library, (source) =>
      source.imports.flatMap((one) =>
        one.isFile && !/^(?:core|adapters|library)\//.test(one.target)
          ? [`${source.path}:${one.line} imports ${one.target}: a program's proxy is core and adapters`]
          : [],
      ),
    );
  });

  it("testing imports core only", () => {
    check(testing, (source) =>
      source.imports.flatMap((one) =>
        (one.isFile ? /^(?:core|testing)\//.test(one.target) : testingMayUse.includes(one.target))
          ? []
          : [`${source.path}:${one.line} imports ${one.target}: it comes with the package, and runs on every runtime`],
      ),
    );
  });

  it("no file of core is an orphan", () => {
    const imported = new Set(shipped.flatMap((source) => source.imports.map((one) => one.target)));
    const orphans = core.filter((source) => !imported.has(source.path)).map((source) => source.path);
    checkNames(
      orphans,
      orphanWaivers,
      (path) => `${path}:1 is imported by nothing in core, adapters or cli: use it or remove it`,
    );
  });
});

describe("architecture: core", () => {
  it("uses no global of a runtime: time, chance and sockets are arguments", () => {
    const names = "Deno|Bun|Buffer|process|globalThis|setTimeout|setInterval|setImmediate|clearTimeout|clearInterval";
    const banned = new RegExp(
      `(?<![.\\w$#])(?:${names}|queueMicrotask|performance|console|require|fetch)\\b(?!\\s*\\??:)|\\bDate\\.now\\b|\\bMath\\.random\\b|\\bnew Date\\(\\s*\\)`,
      "g",
    );
    checkPattern(core, banned, globalsWaivers, "is a global of the runtime: ask the port for it");
  });

  it("has no promise on the path of the bytes", () => {
    const rooms = core.filter((source) => roomsWithoutPromises.includes(roomOf(source.path)));
    checkPattern(rooms, /\basync\b|\bawait\b|\bPromise\b|\.then\(/g, promiseWaivers, "has no place on the data path");
  });

  it("writes to sockets in bytes/outbox.ts only", () => {
    const others = core.filter((source) => source.path !== "core/bytes/outbox.ts");
    checkPattern(others, /\b\w*[sS]ocket\??\.write\w*\(/g, {}, "writes past the outbox, which counts and merges");
  });

  it("copies chunks with copyOf, because the slice of a Node Buffer is only a view", () => {
    checkPattern(
      core,
      /\b(?:bytes|chunk|piece|source)\.slice\(/g,
      {},
      "may be a view of memory that is read into again",
    );
  });

  it("reads numbers and names from the wire by class tables, not by lenient library functions", () => {
    const wire = core.filter((source) => ["http", "h1"].includes(roomOf(source.path)));
    const lenient =
      /\bparseInt\b|\bparseFloat\b|\bNumber\(|\.trim(?:Start|End)?\(|\.to(?:Lower|Upper)Case\(|\bnew URL\(|\bdecodeURI(?:Component)?\(/g;
    checkPattern(wire, lenient, wireParsingWaivers, "accepts more than the grammar does: use bytes/ascii.ts");
  });

  it("has a test beside every file that does something", () => {
    const missing = core
      .filter(
        (source) =>
          source.path !== "core/mod.ts" && !isTypesOnly(source) && !existsSync(join(projectRoot, twinOf(source.path))),
      )
      .map((source) => source.path);
    checkNames(
      missing,
      twinWaivers,
      (path) => `${path}:1 has no test: write ${twinOf(path)}, or waive it with what covers it`,
    );
  });
});

describe("architecture: size and leftovers", () => {
  it(`no file is longer than ${fileLinesMax} lines`, () => {
    const sources = [...shipped, ...bench, ...test].filter((source) => !source.path.endsWith(".test.ts"));
    const long = sources.filter((source) => linesOf(source) > fileLinesMax).map((source) => source.path);
    checkNames(long, lengthWaivers, (path) => {
      const lines = linesOf(sources.find((source) => source.path === path));
      return `${path}:${fileLinesMax} has ${lines} lines, at most ${fileLinesMax}: split it by what its parts are about`;
    });
  });

  it(`no function is longer than ${functionLinesMax} lines`, () => {
    const long = shipped.flatMap((source) =>
      functionsIn(source)
        .filter((span) => span.lines > functionLinesMax)
        .map((span) => ({ ...span, key: `${source.path} ${span.name}`, path: source.path })),
    );
    const names = long.map((span) => span.key);
    checkNames(names, functionWaivers, (key) => {
      const span = long.find((one) => one.key === key);
      return `${span?.path}:${span?.line} ${span?.name} has ${span?.lines} lines, at most ${functionLinesMax}`;
    });
  });

  it("nothing is left to be fixed later", () => {
    const marks = new RegExp(`\\b(?:${"FIX"}${"ME"}|${"X"}${"XX"})\\b`, "g");
    check(all, (source) =>
      [...source.text.matchAll(marks)].map(
        (match) => `${source.path}:${lineAt(source.text, match.index)} says ${match[0]}: do it, or file it`,
      ),
    );
  });
});

describe("architecture: the document", () => {
  const document = join(projectRoot, "ARCHITECTURE.md");

  it("draws the same arrows", { ignore: !existsSync(document) }, () => {
    const blocks = [...readFileSync(document, "utf8").matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].map(
      (match) => match[1] ?? "",
    );
    const figure = blocks.find((block) => block.trimStart().startsWith("bytes,"));
    assert.ok(
      figure !== undefined,
      "ARCHITECTURE.md has no fenced block that starts with `bytes,` and lists the rooms",
    );
    const drawn = figure.split("→").map((level) => level.split(",").map((room) => room.trim()));
    assert.deepEqual(drawn, arrows, "the figure in ARCHITECTURE.md and `arrows` in this file differ");
  });
});

// ---- how a rule is checked

function check(sources: readonly Source[], problemsIn: (source: Source) => readonly string[]): void {
  fail(sources.flatMap(problemsIn));
}

function checkPattern(sources: readonly Source[], pattern: RegExp, waivers: Waivers, why: string): void {
  const hits = new Map<string, string[]>();
  for (const source of sources) {
    const found = [...source.code.matchAll(pattern)];
    const lines = found.map((match) => `${source.path}:${lineAt(source.code, match.index)} ${match[0]} ${why}`);
    if (lines.length > 0) hits.set(source.path, lines);
  }
  checkNames([...hits.keys()], waivers, (path) => hits.get(path)?.join("\n") ?? path);
}

function checkNames(found: readonly string[], waivers: Waivers, problem: (name: string) => string): void {
  const unwaived = found.filter((name) => waivers[name] === undefined).map(problem);
  const idle = Object.keys(waivers).filter(
    (name) => !found.includes(name) && existsSync(join(projectRoot, pathIn(name))),
  );
  fail([...unwaived, ...idle.map((name) => `test/architecture.test.ts:1 waives ${name}, which needs it no longer`)]);
}

function fail(problems: readonly string[]): void {
  assert.ok(problems.length === 0, `\n${problems.join("\n")}\n`);
}

// ---- the map of core

function levelOf(path: string): number {
  const name = path.replace(/^core\//, "").replace(/\.ts$/, "");
  const named = arrows.findIndex((rooms) => rooms.includes(name));
  return named === -1 ? arrows.findIndex((rooms) => rooms.includes(roomOf(path))) : named;
}

function roomOf(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function mayUse(source: Source, name: string): boolean {
  const allowed = packagesOf[roomOf(source.path)] ?? [];
  return allowed.some((one) => name === one || name.startsWith(`${one}/`));
}

/** What configurations import: loaded when one does. */
function mayOffer(source: Source, target: string): boolean {
  return source.path === "cli/own-modules.ts" && ["library/mod.ts", "testing/mod.ts"].includes(target);
}

function twinOf(path: string): string {
  return `test/${path.replace(/\.ts$/, ".test.ts")}`;
}

function linesOf(source: Source | undefined): number {
  return source === undefined ? 0 : source.text.trimEnd().split("\n").length;
}

function pathIn(name: string): string {
  return name.split(" ")[0] ?? name;
}

function cyclesIn(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (done.has(path) || trail.includes(path)) return;
    for (const one of byPath.get(path)?.imports ?? []) if (one.isFile) visit(one.target, [...trail, path]);
    done.add(path);
  };
  for (const source of sources) visit(source.path, []);
  return cycles;
}
