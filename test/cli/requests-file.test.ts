import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { readRequests } from "../../cli/requests-file.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => scratch.remove());

const read = (text: string) => readRequests(scratch.write("requests.txt", text));

describe("a file of requests", () => {
  it("holds a line for each, or JSON with more", async () => {
    const result = await read(
      '# a comment\n\nGET http://a/x\r\n{"method":"POST","url":"/y","headers":{"A":["1","2"]},"client":"192.0.2.7"}\n',
    );
    assert.deepEqual(result, {
      requests: [
        { line: "GET http://a/x", fields: [], at: 3 },
        {
          line: "POST /y",
          fields: [
            ["A", "1"],
            ["A", "2"],
          ],
          client: "192.0.2.7",
          listener: undefined,
          at: 4,
        },
      ],
    });
  });

  it("is held to what the command line is held to", async () => {
    for (const [line, message] of [
      ['{"url":"/","client":"nobody"}', /^client: "nobody" is no IP address; write one such as/],
      ['{"url":"/","client":7}', /^client: 7 is no text; write an IP address/],
      ['{"url":"/","client":null}', /^client: null is no text/],
      ['{"url":"/","listener":7}', /^listener: 7 is no text/],
      ['{"url":"/","method":7}', /^method: 7 is no text; write such as GET/],
      ['{"url":"/","headers":["A: b"]}', /^has headers that are no map/],
      ['{"url":"/","headers":{"A":null}}', /^headers: A: null is no text/],
      ['{"url":"/","headers":{"A":{"b":1}}}', /^headers: A: {"b":1} is no text/],
      ['{"url":"/","headers":{"":"b"}}', /^headers: "" is no name of a header/],
      ['{"url":"/","headers":{"A: b":"c"}}', /^headers: "A: b" is no name of a header/],
      ['{"url":"/","headers":{"A":"b\\r\\nC: d"}}', /^header "A" holds a line break/],
      ['{"url":"/","headers":{"A":"\u20ac"}}', /^header "A" holds a character beyond U\+00FF/],
      ['{"url":"/","method":"GET /x"}', /holds " ": escape it/],
    ] as const) {
      const result = await read(`GET /\n${line}\n`);
      assert.ok("problems" in result, line);
      assert.deepEqual(
        result.problems.map(({ line: at }) => at),
        [2],
      );
      assert.match(result.problems[0]?.message ?? "", message);
    }
    const unix = await read('{"url":"/","client":"unix","headers":{"A":[1," b "]}}\n');
    assert.ok("requests" in unix);
    assert.deepEqual(unix.requests[0]?.fields, [
      ["A", "1"],
      ["A", "b"],
    ]);
  });

  it("tells all that is wrong, by line", async () => {
    const result = await read('GET http://a/x y\n{"url":5}\n{"uri":"/"}\n{bad\n{"url":"/","headers":3}\n');
    assert.ok("problems" in result);
    assert.deepEqual(
      result.problems.map(({ line }) => line),
      [1, 2, 3, 4, 5],
    );
    const empty = await read("\n");
    assert.ok("problems" in empty && /holds no request/.test(empty.problems[0]?.message ?? ""));
    const missing = await readRequests(scratch.path("none"));
    assert.ok("problems" in missing && missing.problems[0]?.line === 0);
  });
});
