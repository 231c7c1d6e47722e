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
        { line: "GET http://a/x", fields: [] },
        {
          line: "POST /y",
          fields: [
            ["A", "1"],
            ["A", "2"],
          ],
          client: "192.0.2.7",
          listener: undefined,
        },
      ],
    });
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
