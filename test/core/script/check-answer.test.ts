import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  checkAttempt,
  checkDecision,
  checkResponse,
  checkVerdict,
  isResponse,
  statusOf,
  textOf,
} from "../../../core/script/check-answer.ts";
import type {
  CacheOptions,
  Decide,
  OnAttempt,
  OnRequest,
  OnResponse,
  RequestChange,
  TargetDecision,
  UpstreamDecision,
} from "../../../core/script/hooks.ts";

describe("what onRequest answered", () => {
  it("is one of a few shapes", () => {
    for (const nothing of [undefined, null]) assert.deepEqual(checkVerdict(nothing), { kind: "go" });
    assert.equal(checkVerdict(new Response("x")).kind, "answer");
    assert.deepEqual(checkVerdict({ deny: 403 }), { kind: "deny", status: 403, body: "" });
    assert.deepEqual(checkVerdict({ path: "/x%20y", query: "a=1", host: "b.example:81", headers: { remove: "X" } }), {
      kind: "change",
      path: "/x%20y",
      query: "a=1",
      host: "b.example:81",
      edits: { drop: ["x"], add: [] },
    });
  });

  it("is refused with what to write instead", () => {
    const refuses = (answer: object, why: RegExp) => assert.throws(() => checkVerdict(answer), why);
    refuses({ deny: 302 }, /^TypeError: 302 is no status to deny with; give 400 to 599, or answer Response\.redirect/);
    refuses({ deny: 200 }, /^TypeError: 200 is no status to deny with; give 400 to 599$/);
    refuses({ deny: "403" }, /a string is no status to deny with/);
    refuses({ query: "?a=1" }, /query begins with "\?"; leave it out/);
    assert.throws(() => checkResponse({ status: 99 }, 200), /99 is no status; give a whole number from 200 to 599/);
  });

  it("is refused when it is made for something else, and says nothing here", () => {
    const odd = [new Error("no entry"), new Map([["path", "/x"]]), new Date(), new Headers(), new Set()];
    for (const check of [checkVerdict, checkAttempt, (answer: unknown) => checkResponse(answer, 200)])
      for (const answer of odd)
        assert.throws(() => check(answer), /^TypeError: it answered an object \(\w+\); answer /);
    class Given {
      path = "/field";
    }
    class Asked {
      get path() {
        return "/getter";
      }
    }
    const bare = Object.assign(Object.create(null), { path: "/bare" });
    for (const answer of [new Given(), new Asked(), bare]) assert.equal(checkVerdict(answer).kind, "change");
    assert.equal(checkVerdict({}).kind, "change");
  });

  it("is refused where it could be sent as something else", () => {
    for (const path of ["x", "*", "", "/a b", "/a?b", "/a#b", "/../x", "/a/./b", "/\r\nX", "/%zz", "/%00", 5])
      assert.throws(() => checkVerdict({ path }), TypeError, String(path));
    for (const query of ["a b", "a#b", "é", "\n"]) assert.throws(() => checkVerdict({ query }), TypeError, query);
    for (const host of ["", "a b", "a/b", "a:x", "a@b", "é.example", "a..b"])
      assert.throws(() => checkVerdict({ host }), TypeError, host);
    for (const answer of ["text", 5, true, [], { allow: true }, { deny: 200 }, { deny: "403" }, { deny: 403, body: 5 }])
      assert.throws(() => checkVerdict(answer), TypeError, JSON.stringify(answer));
  });
});

describe("what stands in an answer as undefined", () => {
  it("is left out", () => {
    assert.deepEqual(checkVerdict({ path: undefined, headers: undefined }), checkVerdict({}));
    assert.deepEqual(checkVerdict({ deny: 403, body: undefined, path: undefined }), checkVerdict({ deny: 403 }));
    assert.deepEqual(checkResponse({ status: undefined, body: undefined }, 200), checkResponse({}, 200));
    assert.deepEqual(checkAttempt({ server: undefined, upstream: undefined }), checkAttempt({}));
    assert.deepEqual(
      checkDecision({ upstream: "a", server: undefined, strict: undefined, target: undefined }),
      checkDecision({ upstream: "a" }),
    );
    assert.deepEqual(
      checkDecision({ target: "http://a", upstream: undefined, hashKey: undefined }),
      checkDecision({ target: "http://a" }),
    );
    assert.throws(() => checkDecision({ upstream: undefined }), /neither upstream nor target/);
  });

  it("is no reason to let in what was to be denied", () => {
    assert.throws(() => checkVerdict({ deny: undefined }), /^TypeError: undefined is no status to deny with/);
  });
});

describe("what the types of answers refuse", () => {
  const decides = (decide: Decide): unknown => decide;

  it("is what is refused at run time", () => {
    // @ts-expect-error
    decides(() => ({ upstream: "a", target: "http://a" }));
    assert.throws(
      () => checkDecision({ upstream: "a", target: "http://a" }),
      /it answered upstream and target; keep one/,
    );
    // @ts-expect-error
    decides(async () => ({ target: "http://a", server: "10.0.0.1:80" }));
    // @ts-expect-error
    const refused: OnRequest = () => ({ deny: 403, headers: { set: { A: "b" } } });
    assert.throws(() => checkVerdict({ deny: 403, headers: { set: { A: "b" } } }), TypeError);
    // @ts-expect-error
    const replaced: OnResponse = () => ({ status: 500, body: "sorry" });
    assert.throws(() => checkResponse({ status: 500, body: "sorry" }, 200), TypeError);
    // @ts-expect-error
    const whole: OnAttempt = ({ candidates }) => candidates[0];
    assert.throws(() => checkAttempt({ server: "10.0.0.1:80", state: "up", isEligible: true }), TypeError);
    assert.ok([refused, replaced, whole]);
  });

  it("is nothing that works", () => {
    const maybe = undefined as string | undefined;
    decides(() => ({ upstream: "a", server: maybe, hashKey: maybe, host: maybe, headers: undefined }));
    decides(async ({ host }) => (host === "" ? "a" : { target: `http://${host}`, host: maybe }));
    const named: UpstreamDecision = { upstream: "a" };
    const target: TargetDecision = { target: "http://a" };
    decides(({ host }) => (host === "" ? named : target));
    // What a database says of a site is a string.
    decides(() => ({ target: maybe ?? "" }));
    const change: RequestChange = {};
    const changes: OnRequest = () => ({ path: maybe, query: maybe, headers: { set: undefined, remove: maybe } });
    const denies: OnRequest = async ({ path }) => (path === "/" ? change : { deny: 403, body: maybe });
    const tries: OnAttempt = () => ({ server: maybe, headers: undefined });
    const answers: OnResponse = () => ({ status: undefined, headers: undefined });
    const times: CacheOptions = { ttl: maybe, timeout: undefined };
    assert.ok([changes, denies, tries, answers, times]);
  });
});

describe("what decide answered", () => {
  it("is one of a few shapes", () => {
    assert.deepEqual(checkDecision(undefined), { kind: "own" });
    const named = checkDecision("api");
    assert.ok(named.kind === "upstream" && named.upstream === "api" && named.server === null && !named.strict);
    const chosen = checkDecision({ upstream: "api", server: "10.0.0.1:80", strict: true, hashKey: "k" });
    assert.ok(chosen.kind === "upstream" && chosen.server === "10.0.0.1:80" && chosen.strict && chosen.hashKey === "k");
    assert.equal(checkDecision(new Response("x")).kind, "answer");
  });

  it("may be a target of HTTP", () => {
    const target = (text: string) => {
      const decision = checkDecision({ target: text });
      assert.ok(decision.kind === "target");
      return [decision.host, decision.port];
    };
    assert.deepEqual(target("http://10.0.0.7:8080"), ["10.0.0.7", 8080]);
    assert.deepEqual(target("http://Backend.internal/"), ["backend.internal", 80]);
    assert.deepEqual(target("http://[fd00::1]:81"), ["fd00::1", 81]);
  });

  it("is refused when it is no such target", () => {
    for (const target of [
      "10.0.0.7:80",
      "https://a",
      "http://a/path",
      "http://u@a",
      "http://a:0",
      "http://a:99999",
      "http://",
      "http://é",
      5,
    ])
      assert.throws(() => checkDecision({ target }), TypeError, String(target));
    for (const answer of [5, [], {}, { upstream: 5 }, { upstream: "a", port: 1 }, { upstream: "a", server: 1 }])
      assert.throws(() => checkDecision(answer), TypeError, JSON.stringify(answer));
  });
});

describe("pieces of answers", () => {
  it("are known by their members", () => {
    assert.ok(isResponse(new Response()));
    const locked = new Response("x");
    locked.body?.getReader();
    for (const response of [locked, Response.error()]) {
      for (const check of [checkVerdict, checkDecision, (answer: unknown) => checkResponse(answer, 200)])
        assert.throws(() => check(response), TypeError);
    }
    for (const value of [null, {}, { status: 200 }, { status: 200, headers: {}, body: null }, "x"])
      assert.ok(!isResponse(value));
    assert.equal(statusOf(200), 200);
    for (const status of [199, 600, 200.5, "200", Number.NaN]) assert.throws(() => statusOf(status), TypeError);
    assert.equal(textOf("x", "it"), "x");
    assert.throws(() => textOf(1, "it"), /it is a number/);
    assert.equal(checkVerdict({ path: "/a", x: undefined }).kind, "change");
    assert.throws(() => checkVerdict({ path: "/a", x: 1 }), /it answered "x", which is not known; answer nothing/);
  });
});
