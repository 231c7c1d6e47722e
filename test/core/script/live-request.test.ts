import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { LiveRequest, type ShownRequest } from "../../../core/script/live-request.ts";

const fields: readonly (readonly [string, string])[] = [
  ["Host", "a.example:8080"],
  ["Cookie", "a=1; b=x=y; a=2"],
  ["X-Twice", "1"],
  ["X-Twice", "2"],
];
const shown: ShownRequest = {
  requestId: "id",
  method: "POST",
  scheme: "http",
  host: "a.example",
  authority: "a.example:8080",
  path: "/users/%C3%A9/x",
  query: "q=a%20b&q=c",
  clientAddress: "192.0.2.1",
  clientPort: 4,
  listener: "l",
  routeId: "r",
  match: { names: ["name", "", "bad"], captures: ["%C3%A9", "x", "%FF"] },
  header: (name) => {
    const values = fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  },
  forEachField: (use) => {
    for (const [name, value] of fields) use(name, value);
  },
};

describe("the request that hooks see", () => {
  it("tells what is asked of it", () => {
    const request = new LiveRequest(shown);
    assert.equal(request.url, "http://a.example:8080/users/%C3%A9/x?q=a%20b&q=c");
    assert.deepEqual({ ...request.params }, { name: "é", bad: "%FF" });
    assert.equal(request.queryParameter("q"), "a b");
    assert.equal(request.header("X-TWICE"), "1, 2");
    assert.equal(request.header("none"), null);
    assert.equal(request.headers.get("x-twice"), "1, 2");
    assert.equal(request.headers, request.headers);
    assert.equal(request.cookie("b"), "x=y");
    assert.deepEqual({ ...request.cookies }, { a: "1", b: "x=y" });
    assert.equal(request.tls, null);
  });

  it("reads the query as UTF-8, as it does the path, and what is none as it stands", () => {
    const request = new LiveRequest({ ...shown, query: "n=M%C3%BCller&stra%C3%9Fe=%E2%82%AC&raw=\xc3\xa9&bad=%FF" });
    const names = ["n", "straße", "raw", "bad", "none"];
    assert.deepEqual(
      names.map((name) => request.queryParameter(name)),
      ["Müller", "€", "é", "\xff", null],
    );
  });

  it("makes a Web-standard request", () => {
    const made = new LiveRequest(shown).toRequest();
    assert.equal(made.method, "POST");
    assert.equal(made.headers.get("x-twice"), "1, 2");
    assert.equal(new URL(made.url).pathname, "/users/%C3%A9/x");
  });

  it("has a URL when the request named no host, or asked for the server as a whole", () => {
    assert.equal(new LiveRequest({ ...shown, authority: "", path: "*", query: "" }).url, "http://localhost/");
  });

  it("knows the same cookies by name and all at once", () => {
    const cases: [string, Record<string, string>][] = [
      ["a=x,y; b=2", { a: "x,y", b: "2" }],
      ["b=1, a=2", { b: "1, a=2" }],
      ["a=1;b=2;  c=3 ", { a: "1", b: "2", c: "3 " }],
      ["a =1; a=2; =3; x", { "a ": "1", a: "2" }],
    ];
    for (const [cookie, cookies] of cases) {
      const request = new LiveRequest({ ...shown, header: () => cookie });
      assert.deepEqual({ ...request.cookies }, cookies);
      for (const name of ["a", "b", "c"])
        assert.equal(request.cookie(name), cookies[name] ?? null, `${cookie}: ${name}`);
    }
    const twice = new LiveRequest({
      ...shown,
      forEachField: (use) => {
        use("Cookie", "a=1");
        use("COOKIE", "b=2");
      },
    });
    assert.equal(twice.headers.get("cookie"), "a=1; b=2");
  });

  it("takes no cookie for a property every object has", () => {
    const request = new LiveRequest({ ...shown, header: () => "__proto__=1; constructor=2" });
    assert.equal(request.cookies["constructor"], "2");
    assert.equal(Object.getPrototypeOf(request.cookies), null);
  });

  it("ends with the request: nothing is read that may be another one's", () => {
    const request = new LiveRequest(shown);
    const { signal } = request;
    assert.ok(!signal.aborted);
    request.end();
    assert.ok(signal.aborted);
    assert.throws(() => request.path, /the request is over/);
    assert.throws(() => request.header("host"), /the request is over/);
    assert.equal(request.id, "id");
    assert.ok(new LiveRequest(shown).signal !== signal);
  });

  it("is aborted when its signal is asked for after the end", () => {
    const request = new LiveRequest(shown);
    request.end();
    assert.ok(request.signal.aborted);
  });
});
