import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as faults from "../../core/fault.ts";
import { clientRefusal, type Fault, upstreamRefusal } from "../../core/fault.ts";
import { reasonOf } from "../../core/http/status.ts";

const numbers = Object.entries(faults).filter((entry): entry is [string, number] => typeof entry[1] === "number");
const named = Object.entries(faults).filter((entry): entry is [string, Fault] => typeof entry[1] === "object");

describe("refusals of parsers", () => {
  it("are named as their code is", () => {
    assert.ok(numbers.length > 30);
    for (const [name, index] of numbers) {
      assert.ok(index > 0, name);
      const code = name.toLowerCase().replaceAll("_", "-").replace("http-1-0", "http-1.0");
      assert.equal(clientRefusal(-index).code, `client.${code}`);
      assert.equal(upstreamRefusal(-index).code, `upstream.${code}`);
    }
  });

  it("are different numbers", () => {
    assert.equal(new Set(numbers.map(([, index]) => index)).size, numbers.length);
  });

  it("become a status from a client, and 502 from an upstream", () => {
    const check = (answer: number, status: number): void => {
      assert.equal(clientRefusal(-answer).status, status);
      assert.equal(clientRefusal(-answer).side, "client");
      assert.equal(upstreamRefusal(-answer).status, 502);
      assert.equal(upstreamRefusal(-answer).side, "upstream");
    };
    check(faults.BARE_LF, 400);
    check(faults.TARGET_TOO_LONG, 414);
    check(faults.HEAD_TOO_LARGE, 431);
    check(faults.TOO_MANY_FIELDS, 431);
    check(faults.NAME_TOO_LONG, 431);
    check(faults.TRAILERS_TOO_LARGE, 431);
    check(faults.CONTENT_LENGTH_TOO_LARGE, 413);
    check(faults.UNKNOWN_TRANSFER_CODING, 501);
    check(faults.UNSUPPORTED_VERSION, 505);
    check(faults.METHOD_NOT_ALLOWED, 405);
    check(faults.WRONG_SCHEME, 421);
    check(faults.BAD_EXPECT, 417);
  });
});

describe("faults", () => {
  const all = [...named.map(([, each]) => each), ...numbers.map(([, index]) => clientRefusal(-index))];

  it("have codes of their own that begin with their side", () => {
    assert.equal(new Set(all.map(({ code }) => code)).size, all.length);
    for (const { code, side } of all) assert.match(code, new RegExp(`^${side}\\.[a-z0-9.-]+$`));
  });

  it("have a status that can be answered, or none", () => {
    for (const { code, status } of all) {
      // 499 is for the log: that client is gone.
      assert.ok(status === 0 || status === 499 || reasonOf(status) !== "Status", `${code} has status ${status}`);
    }
  });

  it("are answered by statuses that clients know only", () => {
    for (const each of all) assert.equal(faults.isAnswered(each), reasonOf(each.status) !== "Status", each.code);
  });

  it("say what happened in words that fit a log line, and can't be changed", () => {
    for (const each of all) {
      assert.match(each.reason, /^[^\n]{10,120}$/, each.code);
      assert.ok(Object.isFrozen(each), each.code);
    }
  });
});
