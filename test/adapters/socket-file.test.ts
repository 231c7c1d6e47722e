import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { socketFileOf } from "../../adapters/socket-file.ts";

describe("the file of a UNIX listener", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "socket-file-"));
    path = join(folder, "s.sock");
    writeFileSync(path, "own");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** As those who replace a socket do. */
  function put(content: string): void {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  }

  it("is there until another has its name", () => {
    const file = socketFileOf({ kind: "unix", path });
    assert.ok(file.isThere());
    put("another");
    assert.ok(!file.isThere());
    rmSync(path);
    assert.ok(!file.isThere());
  });

  it("is left where it is for its own listener to remove", () => {
    socketFileOf({ kind: "unix", path }).spareOther()();
    assert.equal(readFileSync(path, "utf8"), "own");
  });

  it("gives way to another, which comes back", () => {
    const file = socketFileOf({ kind: "unix", path });
    put("another");
    const putBack = file.spareOther();
    assert.deepEqual(readdirSync(folder).length, 1);
    rmSync(path, { force: true });
    putBack();
    assert.equal(readFileSync(path, "utf8"), "another");
  });

  it("puts nothing over a third one that has come meanwhile", () => {
    const file = socketFileOf({ kind: "unix", path });
    put("another");
    const putBack = file.spareOther();
    put("a third");
    putBack();
    assert.equal(readFileSync(path, "utf8"), "a third");
    assert.deepEqual(readdirSync(folder), ["s.sock"]);
  });
});
