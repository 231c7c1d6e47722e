import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startScript } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

describe("npm through the proxy", { ignore: lacksTool("npm") }, () => {
  const scratch = createScratch();
  let registry: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    registry = await startScript("registry-server.ts", []);
    proxy = await startForwarding(registry.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
    scratch.remove();
  });

  it("installs a package with a scope: its %2f arrives as it is", async () => {
    scratch.write("package.json", '{ "name": "consumer", "version": "1.0.0" }');
    const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier", "--fetch-retries", "0"];
    const { code, stdout, stderr } = await runProgram(
      ["npm", "install", ...options, "--registry", `${proxy.url}/`, "--prefix", scratch.folder, "@millrace-test/hello"],
      {
        cwd: scratch.folder,
        timeoutMs: 40_000,
        env: {
          HOME: scratch.folder,
          npm_config_cache: scratch.path("cache"),
          npm_config_userconfig: scratch.path("npmrc"),
          npm_config_noproxy: "127.0.0.1",
          npm_config_workspaces: "false",
        },
      },
    );
    assert.equal(code, 0, `${stdout}${stderr}`);
    const installed = (file: string) => readFileSync(scratch.path(`node_modules/@millrace-test/hello/${file}`), "utf8");
    assert.equal(installed("index.js"), 'module.exports = "hello";\n');
    assert.equal(installed("filling.txt").length, 800_000);
    await registry.says(/^target GET \/@millrace-test%2fhello$/m);
    await registry.says(/^target GET \/@millrace-test\/hello\/-\/hello-1\.0\.0\.tgz$/m);
  });
});
