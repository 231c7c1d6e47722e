import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { hasDotSegments, isPlainPath, normalisePath, readConfiguredPath, readPath } from "../../../core/http/path.ts";

/** What `readPath` makes of a path: the forwarded one, and the readings where they differ from it. */
function reads(path: string, expected: { forwarded?: string; literal?: string; decoded?: string }): void {
  const read = readPath(path);
  assert.ok("forwarded" in read, `${path} was refused: ${"refused" in read ? read.refused : ""}`);
  const forwarded = expected.forwarded ?? path;
  const literal = expected.literal ?? forwarded;
  assert.deepEqual({ ...read }, { forwarded, literal, decoded: expected.decoded ?? literal }, path);
}

function refuses(path: string, reason: RegExp): void {
  const read = readPath(path);
  assert.ok("refused" in read, `${path} was read as ${JSON.stringify(read)}`);
  assert.match(read.refused, reason, path);
}

describe("readPath", () => {
  it("forwards plain paths byte for byte", () => {
    for (const path of ["/", "/a", "/a/b/", "/a.b", "/...", "/a..", "/..a", "/.git/x", "/a|b^c", "/@scope/name", "*"]) {
      reads(path, {});
    }
  });

  it("N01 removes dot segments in every spelling", () => {
    reads("/public/../admin/x", { forwarded: "/admin/x" });
    reads("/public/%2e%2e/admin", { forwarded: "/admin" });
    reads("/public/.%2E/admin", { forwarded: "/admin" });
    reads("/./admin", { forwarded: "/admin" });
    reads("/public/..", { forwarded: "/" });
    reads("/public/x/..", { forwarded: "/public/" });
    reads("/public/.", { forwarded: "/public/" });
    reads("/../../etc", { forwarded: "/etc" });
    reads("/a/./b/%2e/c/..", { forwarded: "/a/b/" });
    reads("/..", { forwarded: "/" });
  });

  it("N02 refuses an encoded slash or backslash beside a dot segment", () => {
    for (const path of [
      "/public/..%2fadmin",
      "/public%2f..%2fadmin",
      "/public/..%5cadmin",
      "/a%2f%2e%2e/b",
      "/a%5c.",
    ]) {
      refuses(path, /hidden by an encoded slash/);
    }
    for (const path of ["/a%2Fb/../c", "/a%5Cb/./c", "/x/../y%2f"]) refuses(path, /beside a dot segment/);
    refuses("/public/..\\admin", /has to be escaped \(0x5c\)/);
  });

  it("N02 passes an encoded slash alone byte for byte", () => {
    reads("/@scope%2fname", { literal: "/@scope%2Fname", decoded: "/@scope/name" });
    reads("/a%5cb", { literal: "/a%5Cb", decoded: "/a/b" });
  });

  it("N03 reads repeated slashes in two ways", () => {
    reads("//admin", { decoded: "/admin" });
    reads("/%2fadmin", { literal: "/%2Fadmin", decoded: "/admin" });
    reads("/public//../admin", { forwarded: "/public/admin", decoded: "/admin" });
    reads("/a//", { decoded: "/a/" });
  });

  it("N04 strips parameters in the decoded reading, and refuses them beside dot segments", () => {
    reads("/admin;x=y", { decoded: "/admin" });
    reads("/admin;/x", { decoded: "/admin/x" });
    reads("/admin%3bx/y", { literal: "/admin%3Bx/y", decoded: "/admin/y" });
    for (const path of ["/user/..;foo=bar/admin", "/public/..;/admin", "/..%3b/x", "/.;/x", "/a/%2e%2e;x"]) {
      refuses(path, /hidden by/);
    }
    for (const path of ["/public;/../admin", "/a;x/./b"]) refuses(path, /beside a dot segment/);
  });

  it("N05 decodes unreserved characters for matching only", () => {
    reads("/%61dmin", { literal: "/admin" });
    reads("/%41dmin", { literal: "/Admin" });
    reads("/ADMIN", {});
    reads("/admin.", {});
    reads("/admin%20", {});
    reads("/%7euser", { literal: "/~user" });
    reads("/%40a%24", { decoded: "/@a$" });
  });

  it("N05 T13 refuses escaped NUL, CR, LF and broken escapes", () => {
    for (const path of ["/admin%00", "/admin%0a", "/a%0D%0Ab"]) refuses(path, /an escaped control character/);
    for (const path of ["/%", "/%0", "/%zz", "/%u0041", "/a%2", "/%%41", "/%+1", "/%0x"])
      refuses(path, /without two hex/);
  });

  it("N06 decodes once", () => {
    reads("/%252e%252e/admin", {});
    reads("/%25%32%65", { literal: "/%252e" });
    reads("/%252fx", {});
  });

  it("N07 refuses overlong UTF-8, passes other bytes and folds nothing", () => {
    for (const path of ["/%c0%ae%c0%ae/", "/%C1%9C", "/%e0%80%ae", "/%f0%80%80%ae", "/%f8%80%80%80%ae"]) {
      refuses(path, /overlong/);
    }
    reads("/%ef%bc%8e%ef%bc%8e/", { literal: "/%EF%BC%8E%EF%BC%8E/" });
    reads("/%e2%84%aa", { literal: "/%E2%84%AA" });
    reads("/caf%e9", { literal: "/caf%E9" });
    reads("/%c1gua", { literal: "/%C1gua" });
    refuses("/\xc3\xa9", /0xc3/);
  });

  it("T12 refuses characters that have to be escaped", () => {
    for (const character of ' "<>\\`{}#?\x00\x1f\x7f\x80\xff') refuses(`/a${character}`, /has to be escaped/);
    refuses("/\u560d", /has to be escaped/);
  });

  it("N12 refuses what doesn't begin with a slash", () => {
    for (const path of ["", "admin", "%2fadmin", "**", "*/x"]) refuses(path, /begin with a slash/);
  });
});

describe("dot segments", () => {
  it("are whole segments only", () => {
    for (const path of ["/.", "/..", "/a/./b", "/%2e", "/%2E.", "/a/.%2e"])
      assert.equal(hasDotSegments(path), true, path);
    for (const path of ["/", "/a.", "/.a", "/...", "/%2e%2e%2e", "/%2", "/a//b", "/%252e"]) {
      assert.equal(hasDotSegments(path), false, path);
    }
  });

  it("leave other bytes as they are", () => {
    assert.equal(normalisePath("/a%2fb//c;d/%7e"), "/a%2fb//c;d/%7e");
    assert.equal(normalisePath("/a/b%41//../c"), "/a/b%41/c");
  });
});

describe("plain paths", () => {
  it("have one reading, which is forwarded", () => {
    for (const path of ["/", "/a/b/", "/a.b/..c/...", "/@a/:b,c", "/a|b^[c]"]) {
      assert.equal(isPlainPath(path), true, path);
      reads(path, {});
    }
    for (const path of [
      "",
      "*",
      "a",
      "//",
      "/a//b",
      "/a/.",
      "/../b",
      "/a%41",
      "/a;b",
      "/a\\b",
      "/a b",
      "/\xe9",
      "/a\n",
      "/a?",
    ]) {
      assert.equal(isPlainPath(path), false, path);
    }
  });
});

describe("readConfiguredPath", () => {
  it("escapes what a request would escape", () => {
    const read = readConfiguredPath("/café au lait/%7eme");
    assert.ok("literal" in read);
    assert.equal(read.literal, "/caf%C3%A9%20au%20lait/~me");
  });

  it("refuses dot segments and broken escapes", () => {
    for (const path of ["/a/../b", "/100%", "a", ""]) assert.ok("refused" in readConfiguredPath(path), path);
  });
});
