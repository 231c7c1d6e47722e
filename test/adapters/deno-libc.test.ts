import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { inWorker } from "./in-worker.ts";

const isDeno = "Deno" in globalThis;

(isDeno ? it : it.ignore)("a worker has none: what it left open when it is terminated would stay open", async () => {
  assert.equal(await inWorker("deno-libc.ts", "it.libc === null"), true);
});
