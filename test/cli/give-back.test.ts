// What of a process may be given back: pages that are as they are in the file. What it does to an executable's memory
// stands in test/e2e/executable.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { unchangedOf } from "../../cli/give-back.ts";

const mapping = (head: string, anonymousKb: number): string =>
  `${head}\nSize:               8 kB\nRss:                8 kB\nAnonymous:  ${anonymousKb} kB\nVmFlags: rd ex mr mw me\n`;

describe("what an executable may give back", () => {
  const found = (...mappings: string[]) => unchangedOf(mappings.join(""), "/opt/a b/millrace");

  it("is what is mapped of its file and cannot be written", () => {
    const code = mapping("01a40000-0684a000 r-xp 01838000 fe:00 2254898     /opt/a b/millrace", 0);
    const constants = mapping("00200000-01a40000 r--p 00000000 fe:00 2254898     /opt/a b/millrace", 0);
    const data = mapping("06867000-07c00000 rw-p 0665e000 fe:00 2254898     /opt/a b/millrace", 0);
    const library = mapping("7fd2181b2000-7fd218308000 r-xp 00026000 fe:00 61     /usr/lib/libc.so.6", 0);
    assert.deepEqual(found(constants, code, data, library), [
      { start: 0x200000, bytes: 0x1a40000 - 0x200000 },
      { start: 0x1a40000, bytes: 0x684a000 - 0x1a40000 },
    ]);
  });

  it("is nothing where pages were written, or belong to no file, or to one that is gone", () => {
    assert.deepEqual(found(mapping("01a40000-0684a000 r-xp 01838000 fe:00 2254898     /opt/a b/millrace", 4)), []);
    assert.deepEqual(found(mapping("01a40000-0684a000 r-xp 00000000 00:00 0     /opt/a b/millrace", 0)), []);
    assert.deepEqual(found(mapping("01a40000-0684a000 r-xp 01838000 fe:00 22     /opt/a b/millrace (deleted)", 0)), []);
    assert.deepEqual(found("", "no smaps\n"), []);
  });
});
