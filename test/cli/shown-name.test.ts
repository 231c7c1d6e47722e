import { equal } from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";
import { shownName } from "../../cli/shown-name.ts";
import { createScratch } from "../e2e/scratch.ts";

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
    const scratch = createScratch();
    try {
      process.chdir("/");
      equal(shownName(file), file);
      process.chdir(scratch.folder);
      scratch.remove();
      equal(shownName(file), file);
    } finally {
      process.chdir(before);
      scratch.remove();
    }
  });
});
