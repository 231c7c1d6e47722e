import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startScript } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

describe("git over HTTP through the proxy", { ignore: lacksTool("git") }, () => {
  const scratch = createScratch();
  // Does not shrink: a push of it exceeds http.postBuffer, and so goes out chunked.
  const content = randomBytes(3_000_000);
  let server: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    mkdirSync(scratch.path("repositories"));
    await git(["init", "--quiet", "--bare", "--initial-branch=main", scratch.path("repositories/project.git")]);
    await git(["-C", scratch.path("repositories/project.git"), "config", "http.receivepack", "true"]);
    server = await startScript("git-server.ts", [scratch.path("repositories")]);
    proxy = await startForwarding(server.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
    scratch.remove();
  });

  async function git(args: readonly string[], env: Record<string, string> = {}): Promise<void> {
    const identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.test", "-c", "http.proxy="];
    const answer = await runProgram(["git", ...identity, ...args], {
      timeoutMs: 30_000,
      env: { HOME: scratch.folder, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0", ...env },
    });
    assert.equal(answer.code, 0, `git ${args.join(" ")}: ${answer.stderr}`);
  }

  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const smart = () => `${proxy.url}/smart/project.git`;

  it("pushes, with a chunked body", async () => {
    const work = scratch.path("work");
    await git(["init", "--quiet", "--initial-branch=main", work]);
    writeFileSync(scratch.path("work/content"), content);
    await git(["-C", work, "add", "content"]);
    await git(["-C", work, "commit", "--quiet", "-m", "content"]);
    await git(["-C", work, "push", "--quiet", smart(), "main"]);
    await server.says(/POST \/smart\/project\.git\/git-receive-pack chunked/);
  });

  it("clones by the smart protocol", async () => {
    await git(["clone", "--quiet", smart(), scratch.path("smart")]);
    assert.equal(digest(readFileSync(scratch.path("smart/content"))), digest(content));
  });

  it("fetches what is new, and pushes a little, with a length", async () => {
    const work = scratch.path("work");
    writeFileSync(scratch.path("work/small"), "small");
    await git(["-C", work, "add", "small"]);
    await git(["-C", work, "commit", "--quiet", "-m", "small"]);
    await git(["-C", work, "push", "--quiet", smart(), "main"]);
    await server.says(/POST \/smart\/project\.git\/git-receive-pack \d+/);
    await git(["-C", scratch.path("smart"), "pull", "--quiet"]);
    assert.equal(readFileSync(scratch.path("smart/small"), "utf8"), "small");
  });

  it("clones by the dumb protocol", async () => {
    await git(["-C", scratch.path("repositories/project.git"), "update-server-info"]);
    await git(["clone", "--quiet", `${proxy.url}/dumb/project.git`, scratch.path("dumb")], { GIT_SMART_HTTP: "0" });
    assert.equal(digest(readFileSync(scratch.path("dumb/content"))), digest(content));
  });
});
