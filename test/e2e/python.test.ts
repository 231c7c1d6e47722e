import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import type { Backend } from "./backend.ts";
import { curl, fieldOf } from "./curl.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { startPython } from "./python.ts";
import { createScratch } from "./scratch.ts";

for (const protocol of ["HTTP/1.0", "HTTP/1.1"] as const) {
  describe(`Python's http.server with ${protocol} behind the proxy`, {
    ignore: lacksTool("python3") || lacksTool("curl"),
  }, () => {
    const scratch = createScratch();
    const content = Buffer.alloc(1_000_000, "served by Python. ");
    scratch.write("file.txt", content);
    scratch.write("a b.txt", "with a space");
    let backend: Backend;
    let proxy: Millrace;

    beforeAll(async () => {
      backend = await startPython(scratch.folder, protocol);
      proxy = await startForwarding(backend.port);
    });
    afterAll(async () => {
      await proxy?.stop();
      await backend?.stop();
      scratch.remove();
    });

    it("sends a file", async () => {
      const answer = await curl([`${proxy.url}/file.txt`]);
      assert.equal(answer.code, 0, answer.stderr);
      assert.ok(answer.body === content.toString("latin1"));
      assert.match(answer.head, /^HTTP\/1.1 200 OK\r\n/);
      assert.equal(fieldOf(answer.head, "Content-Type"), "text/plain");
    });

    it("lists the folder, HEADs, and answers 404 and 501", async () => {
      const list = await curl([`${proxy.url}/`]);
      assert.match(list.body, /file\.txt/);
      const head = await curl(["--head", `${proxy.url}/file.txt`]);
      assert.deepEqual([head.code, fieldOf(head.head, "Content-Length")], [0, "1000000"]);
      assert.equal((await curl([`${proxy.url}/a%20b.txt`])).body, "with a space");
      assert.equal((await curl([`${proxy.url}/nothing`])).status, 404);
      assert.equal((await curl(["--data", "x", `${proxy.url}/file.txt`])).status, 501);
    });

    it("keeps the client's connection whatever the server does with its own", async () => {
      const urls = Array.from({ length: 10 }, () => `${proxy.url}/a%20b.txt`);
      const answer = await curl(urls);
      assert.deepEqual([answer.code, answer.connects, answer.body], [0, 1, "with a space".repeat(10)]);
    });
  });
}
