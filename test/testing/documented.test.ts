// What docs/testing.md says that a failure looks like.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import config from "../../examples/testing/shop.config.ts";
import { expectRoute } from "../../testing/mod.ts";
import { projectRoot } from "../support/runtime-command.ts";

describe("docs/testing.md", () => {
  it("shows a failure as it is told", async () => {
    const page = readFileSync(join(projectRoot, "docs", "testing.md"), "utf8");
    const [, shown] = /A failure says .*\n\n```\n([\s\S]*?)\n```/.exec(page) ?? [];
    const failing = expectRoute(config, "GET https://shop.example/apiary").toReach("api");
    await assert.rejects(failing, { message: shown });
  });
});
