import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool, pathOfTool } from "../support/tool.ts";
import { type Backend, nodeScript, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { runProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";

describe("Chromium through the proxy", { ignore: lacksTool("chromium") }, () => {
  const scratch = createScratch();
  let backend: Backend;
  let proxy: Millrace;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
    scratch.remove();
  });

  it("loads a page with style, script, fetch, events, WebSocket and a large download, without a complaint", async () => {
    const argv = nodeScript("browser-client.ts", [
      pathOfTool("chromium") ?? "",
      scratch.path("profile"),
      `${proxy.url}/page`,
    ]);
    const { code, stdout, stderr } = await runProgram(argv, { timeoutMs: 50_000, env: { HOME: scratch.folder } });
    assert.equal(code, 0, stderr);
    const { status, title, complaints } = JSON.parse(stdout);
    assert.equal(status, 200);
    assert.deepEqual(complaints, []);
    assert.deepEqual(JSON.parse(title), {
      style: "rgb(1, 2, 3)",
      post: ["POST", 100_000, "/echo?a=%2F"],
      download: 30_000_000,
      manyRequests: 1275,
      events: ["event 1", "event 2", "event 3"],
      webSocket: [200_000, 1000, true, "permessage-deflate"],
    });
  });
});
