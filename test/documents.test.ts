// What the documents say about files, links, deadlines and decisions is so.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { isVouching } from "../core/http/hop.ts";
import { KNOWN_FIELDS } from "../core/http/known-fields.ts";
import { DEFAULT_TIMEOUTS } from "../core/limits.ts";
import { parseDuration } from "../core/time/duration.ts";
import { projectRoot } from "./support/runtime-command.ts";

const decisions = readdirSync(join(projectRoot, "docs", "decisions")).map((name) => `docs/decisions/${name}`);
const documents = [
  ...readdirSync(projectRoot).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(projectRoot, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...decisions,
];
const architecture = read("ARCHITECTURE.md");

describe("documents", () => {
  it("name files that exist", () => {
    const missing = documents.flatMap((document) =>
      [...read(document).matchAll(PATH)].flatMap(([, path = ""]) =>
        existsSync(join(projectRoot, path)) ? [] : [`${document} names ${path}, which does not exist`],
      ),
    );
    assert.deepEqual(missing, []);
  });

  it("name files in the figure of a request's path that exist", () => {
    const [, figure = ""] = /## Bird's eye\n+```\n([\s\S]*?)```/.exec(architecture) ?? [];
    const paths = figure.match(/[a-z0-9]+\/[a-z0-9-]+\.ts/g) ?? [];
    assert.ok(paths.length > 8, "the figure was not found");
    assert.deepEqual(
      paths.filter((path) => !existsSync(join(projectRoot, "core", path))),
      [],
    );
  });

  it("name the files of an exchange in its figure, each of them, and no other", () => {
    const [, figure = ""] = /## Inside an exchange\n[\s\S]*?```\n([\s\S]*?)```/.exec(architecture) ?? [];
    const named = new Set(figure.match(/[a-z0-9-]+\.ts/g));
    assert.deepEqual([...named].sort(), readdirSync(join(projectRoot, "core/exchange")).sort());
  });

  it("link to what exists", () => {
    const broken = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
        if (/^https?:/.test(link)) return [];
        const [path = "", anchor] = link.split("#");
        const file = path === "" ? document : join(dirname(document), path);
        if (!existsSync(join(projectRoot, file))) return [`${document} links to ${link}: no such file`];
        if (anchor === undefined || anchorsOf(file).includes(anchor)) return [];
        return [`${document} links to ${link}: no such heading`];
      }),
    );
    assert.deepEqual(broken, []);
  });
});

describe("ARCHITECTURE.md", () => {
  it("lists every timeout with its default, and no other", () => {
    const section = architecture.slice(architecture.indexOf("## Time\n"), architecture.indexOf("## Faults\n"));
    const rows = [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)];
    const listed = rows.map(([, name, text]) => [`${name}Ms`, milliseconds(text ?? "")]);
    assert.deepEqual(Object.fromEntries(listed), { ...DEFAULT_TIMEOUTS });
  });

  it("names every test of the rules it quotes", () => {
    const section = architecture.slice(architecture.indexOf("## Invariants"), architecture.indexOf("## The port"));
    const rules = read("test/architecture.test.ts");
    const quoted = [...section.replaceAll(/\s+/g, " ").matchAll(/"([^"]+)"/g)].map(([, name]) => name ?? "");
    assert.ok(quoted.length > 5, "the quoted rules were not found");
    for (const name of quoted) assert.ok(rules.includes(`it("${name}"`), `no rule is called "${name}"`);
  });

  it("lists every decision by its title, in order", () => {
    const section = architecture.slice(architecture.indexOf("## Decisions")).replaceAll("\n  ", " ");
    const listed = [...section.matchAll(/^- \[(\d+)\]\(([^)]+)\): (.+)$/gm)].map(([, number, path, title]) => [
      path,
      `# ${number}: ${title}`,
    ]);
    const there = [...decisions].sort().map((path) => [path, read(path).split("\n")[0]]);
    assert.deepEqual(listed, there);
  });
});

describe("docs/traces.md", () => {
  const types = read("core/observe/trace.ts");
  const text = read("docs/traces.md");

  it("names every field of a trace and of its tries", () => {
    const fields = ["Trace", "TraceTry"].flatMap((name) =>
      [...declarationOf(types, `interface ${name}`).matchAll(/^ {2}readonly (\w+):/gm)].map(([, field = ""]) => field),
    );
    assert.ok(fields.length > 30, "the types were not found");
    assert.deepEqual(
      fields.filter((field) => !text.includes(`\`${field}\``) && !text.includes(`\`tries[].${field}\``)),
      [],
    );
  });

  it("names every reason for being skipped", () => {
    const reasons = [...declarationOf(types, "type SkipReason").matchAll(/"([a-z-]+)"/g)].map(
      ([, reason = ""]) => reason,
    );
    assert.ok(reasons.length > 8, "the type was not found");
    assert.deepEqual(
      reasons.filter((reason) => !text.includes(`\`${reason}\``)),
      [],
    );
  });
});

describe("docs/configuration.md", () => {
  it("names every field by which proxies vouch for a client", () => {
    const text = read("docs/configuration.md").toLowerCase();
    const names = KNOWN_FIELDS.filter((_, id) => isVouching(id));
    assert.ok(names.length > 15, "the fields were not found");
    assert.deepEqual(
      names.filter((name) => !text.includes(`\`${name}`)),
      ["x-forwarded-proto", "x-forwarded-host"], // `-Proto`, `-Host`
    );
  });
});

describe("decisions", () => {
  for (const path of decisions) {
    it(`${path} says what was decided and when to look again`, () => {
      const text = read(path);
      for (const part of ["**Situation.**", "**Decision.**", "**Revisit when**"]) assert.ok(text.includes(part), part);
    });
  }
});

/** Between backquotes, below one of our folders, with an ending or a slash behind it. */
const PATH =
  /`((?:core|adapters|cli|testing|test|bench|docs|examples|schema|tools)\/(?:[\w.-]+\/)*(?:[\w-]+\.(?:ts|md|txt|json|yaml|js))?)`/g;

function read(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

/** From its name to the empty line behind it. */
function declarationOf(source: string, name: string): string {
  const [, text = ""] = source.split(`export ${name} `);
  return text.slice(0, text.indexOf("\n\n"));
}

/** Headings as GitHub makes anchors of them. */
function anchorsOf(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading ?? "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function milliseconds(text: string): number {
  if (text.trim() === "endless") return Number.POSITIVE_INFINITY;
  if (text.trim() === "none") return 0;
  const parsed = parseDuration(text.replaceAll(" ", ""));
  assert.equal(typeof parsed, "number", `${text} is no duration`);
  return Number(parsed);
}
