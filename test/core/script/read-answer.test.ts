import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { readAnswer } from "../../../core/script/read-answer.ts";

const BOUNDS = { responseHeadBytesMax: 1_000, responseFieldsMax: 10 };
const read = (response: unknown) => readAnswer(response, BOUNDS);

describe("the head of a Response", () => {
  it("has its fields, one by one", () => {
    const headers = new Headers({ "X-A": "1" });
    headers.append("Set-Cookie", "a=1");
    headers.append("Set-Cookie", "b=2");
    const { status, fields, length, body } = read(new Response(null, { status: 404, headers }));
    assert.equal(status, 404);
    assert.deepEqual([...fields].sort(), [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-a", "1"],
    ]);
    assert.equal(length, -1);
    assert.equal(body, null);
  });

  it("loses what frames it and what concerns one connection", () => {
    const headers = {
      connection: "close, x-mine",
      "x-mine": "1",
      "keep-alive": "timeout=5",
      "transfer-encoding": "chunked",
      trailer: "x",
      upgrade: "h2c",
      te: "trailers",
      "content-length": "12",
      "proxy-authenticate": "x",
      "x-yours": "2",
    };
    const { fields, length } = read(new Response("x", { headers }));
    assert.deepEqual(
      fields.filter(([name]) => name !== "content-type"),
      [["x-yours", "2"]],
    );
    assert.equal(length, 12);
  });

  it("forgets the coding and length of what the runtime has decoded", () => {
    const headers = new Headers({ "content-encoding": "gzip", "content-length": "5" });
    const fetched = { status: 200, headers, body: null, bodyUsed: false, url: "http://a/" };
    assert.deepEqual(read(fetched).fields, []);
    assert.equal(read(fetched).length, -1);
    assert.deepEqual(read({ ...fetched, url: "" }).fields, [["content-encoding", "gzip"]]);
  });

  it("is refused where it cannot be sent", async () => {
    const used = new Response("x");
    await used.text();
    const locked = new Response("x");
    locked.body?.getReader();
    const fake = (status: unknown, entries: [string, string][] = []) => ({
      status,
      headers: Object.assign(entries, { getSetCookie() {}, get: () => null, has: () => false }),
      body: null,
    });
    const cases: [unknown, RegExp][] = [
      [used, /was read already/],
      [locked, /was read already/],
      [Response.error(), /0 is no status|a number is no status/],
      [fake(101), /no status/],
      [fake(600), /no status/],
      [fake(200.5), /no status/],
      [fake(200, [["x-a", "1\r\nx-b: 2"]]), /cannot stand in a field/],
      [fake(200, [["x-a", "\u20ac"]]), /cannot stand in a field/],
      [fake(200, [["x a", "1"]]), /no field name/],
      [fake(200, [["content-length", "-1"]]), /no length/],
      [fake(200, [["x-a", "1".repeat(1_000)]]), /larger than 1000 bytes/],
      [
        fake(
          200,
          Array.from({ length: 11 }, (_, i): [string, string] => [`x-${i}`, "1"]),
        ),
        /more than 10 fields/,
      ],
      ["text", /it answered a string; answer a Response/],
      [undefined, /it answered undefined; answer a Response/],
      [{ status: 200 }, /an object/],
    ];
    for (const [response, problem] of cases) assert.throws(() => read(response), problem);
  });
});
