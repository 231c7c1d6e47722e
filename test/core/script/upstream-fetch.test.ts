import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type InnerClientOwner, type InnerRequest, upstreamFetch } from "../../../core/script/upstream-fetch.ts";
import { around } from "./stage.ts";
import { turns } from "./streams.ts";

function fetching() {
  const told: string[] = [];
  const asked: InnerRequest[] = [];
  const owners: InnerClientOwner[] = [];
  const fetch = upstreamFetch(
    (request, owner) => {
      asked.push(request);
      owners.push(owner);
      return {
        sendIdleMs: 1_000,
        begin: () => void told.push("begin"),
        piece: (bytes) => told.push(`piece ${bytes.length}`) > 0,
        push: () => {},
        complete: () => void told.push("complete"),
        resume: () => void told.push("resume"),
        leave: () => void told.push("leave"),
      };
    },
    { ...around(), bodyIdleMs: 1_000 },
  );
  return { fetch, told, asked, owners };
}

describe("context.fetch", () => {
  it("makes a request of what it is given", async () => {
    const { fetch, told, asked } = fetching();
    void fetch(new Request("http://App/a?b=c", { method: "PUT", body: "12345", headers: { host: "x.example" } }));
    await turns();
    assert.deepEqual(told, ["begin", "piece 5", "complete"]);
    const { upstream, method, target, length, fields } = asked[0] as InnerRequest;
    assert.deepEqual([upstream, method, target], ["app", "PUT", "/a?b=c"]);
    // Node 20 tells the end of a Request's body a turn after its last byte: it goes in chunks there.
    assert.ok(length === 5 || length === -1, `length ${length}`);
    assert.deepEqual(
      fields.filter(([name]) => name === "host"),
      [["host", "x.example"]],
    );
  });

  it("answers a Response, without a body where there is none", async () => {
    const { fetch, owners } = fetching();
    const promise = fetch("http://app/");
    owners[0]?.onInnerHead(204, new Headers({ "x-a": "1" }));
    owners[0]?.onInnerEnd();
    const response = await promise;
    assert.equal(response.body, null);
    assert.equal(response.headers.get("x-a"), "1");
  });

  it("wants nothing of a status that no Response has", async () => {
    const { fetch, owners, told } = fetching();
    const promise = fetch("http://app/");
    owners[0]?.onInnerHead(999, new Headers());
    await assert.rejects(promise);
    assert.deepEqual(told, ["begin", "leave"]);
  });

  it("is not begun when it is over before", async () => {
    const { fetch, asked } = fetching();
    await assert.rejects(fetch("http://app/", { signal: AbortSignal.abort(new Error("no")) }), /no/);
    assert.equal(asked.length, 0);
  });
});
