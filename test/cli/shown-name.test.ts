import { equal } from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { shownName } from "../../cli/shown-name.ts";

describe("names of files, as they are shown", () => {
  it("is short for what lies in the working directory", () => {
    equal(shownName(join(process.cwd(), "cli", "main.ts")), join("cli", "main.ts"));
  });

  it("is whole for what lies elsewhere, and for the working directory", () => {
    equal(shownName("/etc/millrace/millrace.yaml"), "/etc/millrace/millrace.yaml");
    equal(shownName(`${process.cwd()}.old/millrace.yaml`), `${process.cwd()}.old/millrace.yaml`);
    equal(shownName(process.cwd()), process.cwd());
  });

  it("is whole where the working directory is the root, or was removed", () => {
    const file = "/etc/millrace/millrace.yaml";
    const before = process.cwd();
    const gone = realpathSync(mkdtempSync(join(tmpdir(), "millrace-gone-")));
    try {
      process.chdir("/");
      equal(shownName(file), file);
      process.chdir(gone);
      rmSync(gone, { recursive: true });
      equal(shownName(file), file);
    } finally {
      process.chdir(before);
    }
  });
});
