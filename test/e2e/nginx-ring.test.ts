import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { freePort } from "./backend.ts";
import { startMillrace } from "./millrace.ts";
import { startNginx } from "./nginx.ts";
import { createScratch } from "./scratch.ts";

const KEYS = 100;

describe("the ring of nginx's `hash … consistent`", { ignore: lacksTool("nginx") }, () => {
  it("sends every key to the same server as ours", async () => {
    const sockets = createScratch();
    const servers = [
      { address: `127.0.0.1:${await freePort()}`, weight: 1 },
      { address: `127.0.0.1:${await freePort()}`, weight: 3 },
      { address: `unix:${join(sockets.folder, "a.sock")}`, weight: 2 },
    ];
    const peers = servers.map(({ address, weight }) => `server ${address} weight=${weight};`);
    const named = servers.map(({ address }, i) => `server { listen ${address}; location / { return 200 "s${i}"; } }`);
    const nginx = await startNginx(
      "location / { proxy_pass http://ring; }",
      `upstream ring { hash $arg_key consistent; ${peers.join(" ")} }
      ${named.join("\n")}`,
    );
    const millrace = await startMillrace({
      listeners: ["127.0.0.1:0"],
      upstreams: { ring: { servers, balance: { hash: "query:key", method: "ring" } } },
      routes: [{ upstream: "ring" }],
    });
    try {
      const placeAt = async (port: number, key: string): Promise<string> =>
        await (await fetch(`http://127.0.0.1:${port}/?key=${key}`)).text();
      const used = new Map<string, number>();
      for (let i = 0; i < KEYS; i++) {
        const key = `user-${i * 7}`;
        const [theirs, ours] = await Promise.all([placeAt(nginx.port, key), placeAt(millrace.port, key)]);
        assert.equal(ours, theirs, key);
        used.set(ours, (used.get(ours) ?? 0) + 1);
      }
      assert.deepEqual([...used.keys()].sort(), ["s0", "s1", "s2"], "all of them were asked");
      assert.equal(
        [...used.values()].reduce((sum, count) => sum + count, 0),
        KEYS,
      );
    } finally {
      await millrace.stop();
      await nginx.stop();
      nginx.files.remove();
      sockets.remove();
    }
  });
});
