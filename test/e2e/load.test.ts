import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { runProgram } from "./program.ts";

describe("load generators", { ignore: lacksTool("wrk") || lacksTool("ab") || lacksTool("nginx") }, () => {
  let nginx: Nginx;
  let node: Backend;
  let toNginx: Millrace;
  let toNode: Millrace;

  beforeAll(async () => {
    nginx = await startNginx('location / { return 200 "small\\n"; } location /file { root ./html; }');
    nginx.files.write("html/file", Buffer.alloc(65_536, "x"));
    node = await startNodeBackend();
    [toNginx, toNode] = await Promise.all([startForwarding(nginx.port), startForwarding(node.port)]);
  });
  afterAll(async () => {
    for (const program of [toNginx, toNode, nginx, node]) await program?.stop();
    nginx?.files.remove();
  });

  const targets: readonly (readonly [string, () => string])[] = [
    ["a small body of nginx", () => `${toNginx.url}/`],
    ["64 KiB of nginx", () => `${toNginx.url}/file`],
    ["chunks of Node", () => `${toNode.url}/chunked/5000`],
  ];

  for (const [what, url] of targets) {
    it(`wrk gets ${what} over 64 connections without an error`, async () => {
      const { code, stdout, stderr } = await runProgram(["wrk", "-t1", "-c64", "-d1s", "--timeout", "5s", url()]);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout, /Socket errors|Non-2xx/, stdout);
      assert.ok(Number(/(\d+) requests in/.exec(stdout)?.[1]) > 200, stdout);
    });

    for (const keepAlive of [true, false]) {
      it(`ab gets ${what} by HTTP/1.0 ${keepAlive ? "with" : "without"} keep-alive without a failure`, async () => {
        const requests = keepAlive ? 2_000 : 500;
        const options = ["-q", "-c", "32", "-n", String(requests), "-s", "5", ...(keepAlive ? ["-k"] : [])];
        const { code, stdout, stderr } = await runProgram(["ab", ...options, url()]);
        assert.equal(code, 0, stderr);
        assert.match(stdout, new RegExp(`Complete requests: +${requests}\n`), stdout);
        assert.match(stdout, /Failed requests: +0\n/, stdout);
        assert.doesNotMatch(stdout, /Non-2xx/, stdout);
        // Without a length an HTTP/1.0 response ends with its connection.
        const kept = keepAlive && !url().includes("chunked");
        if (kept) assert.match(stdout, new RegExp(`Keep-Alive requests: +${requests}\n`), stdout);
      });
    }
  }
});
