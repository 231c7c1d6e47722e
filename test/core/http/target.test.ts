import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as refuse from "../../../core/fault.ts";
import { clientRefusal } from "../../../core/fault.ts";
import { hostText } from "../../../core/http/host.ts";
import { resolveTarget } from "../../../core/http/target.ts";
import { requestHead } from "./heads.ts";

/** `host path query` of a request as `GET target` and Host lines; a number is the refusal. */
function check(
  line: string,
  hosts: readonly string[],
  expected: string | number,
  scheme: "http" | "https" = "http",
): void {
  const isComplete = / HTTP\/1\.[01]$/.test(line);
  const lines = [isComplete ? line : `${line} HTTP/1.1`, ...hosts.map((host) => `Host: ${host}`)];
  const head = requestHead(lines.join("\n"));
  const answer = resolveTarget(head, scheme);
  const { bytes } = head.fields;
  const got = `${hostText(bytes, head.hostStart, head.hostEnd)} ${head.pathText} ${head.queryText}`.trimEnd();
  const wanted = typeof expected === "number" ? clientRefusal(-expected).code : expected;
  assert.equal(answer < 0 ? clientRefusal(answer).code : got, wanted, lines.join(" | "));
}

describe("resolveTarget", () => {
  it("takes host from Host, path and query from the origin form", () => {
    check("GET /", ["a"], "a /");
    check("GET /b/c?d=e&f", ["A.example:80"], "a.example /b/c d=e&f");
    check("GET //evil/x", ["a"], "a //evil/x");
  });

  it("wants exactly one Host in HTTP/1.1 (T01)", () => {
    check("GET /", [], refuse.BAD_HOST);
    check("GET /", ["a", "a"], refuse.BAD_HOST);
    check("GET /", ["a", "b"], refuse.BAD_HOST);
    check("GET /", [""], refuse.BAD_HOST);
    check("GET http://a/", [], refuse.BAD_HOST);
    check("GET / HTTP/1.0", [], " /");
    check("GET / HTTP/1.0", ["a", "a"], refuse.BAD_HOST);
    check("GET http://b/c HTTP/1.0", [], "b /c");
  });

  it("refuses what is no host (T02)", () => {
    for (const host of ["a b", "a/b", "u@a", "a,b", "a#b", "a?b", "..a", "a:x", "a:98777", "[::1", "a\\xe9"]) {
      check("GET /", [host], refuse.BAD_HOST);
    }
  });

  it("takes the absolute form, whose host must be the one in Host (T03, T04)", () => {
    check("GET http://a/b?c", ["a"], "a /b c");
    check("GET http://A.example/b", ["a.EXAMPLE."], "a.example /b");
    check("GET http://a:80/b", ["a"], "a /b");
    check("GET http://a:/b", ["a:80"], "a /b");
    check("GET http://a?x=1", ["a"], "a / x=1");
    check("GET http://a", ["a"], "a /");
    check("GET http://[::1]:80/", ["[::1]"], "[::1] /");
    check("GET https://a:443/", ["a"], "a /", "https");
    check("GET http://b/", ["a"], refuse.AUTHORITY_MISMATCH);
    check("GET http://a:81/", ["a"], refuse.AUTHORITY_MISMATCH);
    check("GET https://a:80/", ["a"], refuse.AUTHORITY_MISMATCH, "https");
    check("GET http://a.b/", ["a"], refuse.AUTHORITY_MISMATCH);
  });

  it("refuses credentials and other odd authorities (T05)", () => {
    check("GET http://u:p@a/", ["a"], refuse.BAD_TARGET);
    check("GET http://@a/", ["a"], refuse.BAD_TARGET);
    check("GET http:///x", ["a"], refuse.BAD_HOST);
    check("GET http://a:x/", ["a"], refuse.BAD_HOST);
    check("GET http:a", ["a"], refuse.BAD_TARGET);
    check("GET http:/a", ["a"], refuse.BAD_TARGET);
    check("GET http:?//a", ["a"], refuse.BAD_TARGET);
    check("GET ://a", ["a"], refuse.BAD_TARGET);
  });

  it("takes the scheme from the socket only (T06)", () => {
    check("GET HTTP://a/", ["a"], "a /");
    check("GET https://a/", ["a"], refuse.WRONG_SCHEME);
    check("GET http://a/", ["a"], refuse.WRONG_SCHEME, "https");
    check("GET ftp://a/", ["a"], refuse.BAD_TARGET);
    check("GET httpx://a/", ["a"], refuse.BAD_TARGET);
  });

  it("refuses every other form (T07, T08)", () => {
    for (const target of ["a:80", "admin", "admin/a/b", "*", "?x", "a?http://a/"]) {
      check(`GET ${target}`, ["a"], refuse.BAD_TARGET);
    }
    check("OPTIONS *", ["a"], "a *");
    check("OPTIONS */x", ["a"], refuse.BAD_TARGET);
    check("OPTIONS *?x", ["a"], refuse.BAD_TARGET);
    check("OPTIONS /", ["a"], "a /");
  });

  it("serves neither CONNECT nor TRACE (T09, T10)", () => {
    for (const target of ["a:443", "/", "a", "http://a:80"])
      check(`CONNECT ${target}`, ["a"], refuse.METHOD_NOT_ALLOWED);
    check("TRACE /", ["a"], refuse.METHOD_NOT_ALLOWED);
    check("trace /", ["a"], "a /");
  });

  it("looks at the path of an absolute target by itself", () => {
    const isPlain = (target: string): boolean => {
      const head = requestHead(`GET ${target} HTTP/1.1\nHost: a`);
      assert.equal(resolveTarget(head, "http"), 0);
      return head.pathIsPlain;
    };
    for (const target of ["http://a", "http://a/", "http://a/b.c/d", "http://a?%20//"])
      assert.equal(isPlain(target), true);
    for (const target of ["http://a//", "http://a/.", "http://a/%41", "http://a/b;c", "http://a/b/../c"]) {
      assert.equal(isPlain(target), false, target);
    }
  });
});
