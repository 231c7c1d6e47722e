import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  compileTemplate,
  type TemplatePlace,
  VARIABLE_NAMES,
  type VariableContext,
} from "../../../core/route/variables.ts";
import { request } from "./definition.ts";

const CAPTURES = { names: ["id", ""], captures: ["a%2Fb", "c/d"] };

function compile(text: string, place: TemplatePlace, upstreamName = "app") {
  return compileTemplate(text, { place, routeId: "routes[3]", upstreamName, captures: [CAPTURES.names] });
}

function expand(text: string, context: VariableContext = request("/p/q"), place: TemplatePlace = "field"): string {
  const compiled = compile(text, place);
  assert.ok("template" in compiled, "problem" in compiled ? compiled.problem : "");
  return compiled.template.expand(context, CAPTURES);
}

function problem(text: string, place: TemplatePlace = "field", upstreamName = "app"): string {
  const compiled = compile(text, place, upstreamName);
  assert.ok("problem" in compiled, `${text} has no problem`);
  return compiled.problem;
}

describe("variables", () => {
  it("stand for what they are called", () => {
    const context = request("/p/q", {
      query: "a=1&b=x%20y+z",
      host: "h.example",
      headers: { "x-a": "va", cookie: "s=1; t=2=3" },
    });
    const cases: Record<string, string> = {
      "${client.address}:${client.port}": "192.0.2.1:40000",
      "${request.scheme}://${request.host}${request.path}?${request.query}": "http://h.example/p/q?a=1&b=x%20y+z",
      "${request.method} ${request.id}": "GET r1",
      "${request.header.X-A}|${request.header.x-b}": "va|",
      "${request.cookie.t}|${request.cookie.u}": "2=3|",
      "${request.query.b}|${request.query.c}": "x y z|",
      "${route.id} ${listener.name}": "routes[3] web",
      "${upstream.name}@${upstream.address}": "app@127.0.0.1:9001",
      "$1 ${path.id} $2 ${2}": "a%2Fb a%2Fb c/d c/d",
      "$$1 and $$": "$1 and $",
      "plain { } text": "plain { } text",
    };
    for (const [text, expected] of Object.entries(cases)) assert.equal(expand(text, context), expected, text);
  });

  it("exist under every documented name", () => {
    for (const name of VARIABLE_NAMES) assert.ok("template" in compile(`\${${name}}`, "field"), name);
  });

  it("H14 take names of built-in properties for data", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.match(problem(`\${${name}}`), /is no variable/);
      assert.equal(expand(`x\${request.header.${name}}\${request.cookie.${name}}\${request.query.${name}}`), "x");
    }
  });

  it("are constant where nothing of the request is asked", () => {
    const compiled = compile("a ${route.id} ${upstream.name} $$", "field");
    assert.ok("template" in compiled && compiled.template.isConstant);
    const captured = compile("$1", "field");
    assert.ok("template" in captured && captured.template.usesCaptures && !captured.template.isConstant);
    const escaped = compile("$$1", "field");
    assert.ok("template" in escaped && !escaped.template.usesCaptures);
  });
});

describe("a template for a field", () => {
  it("J06 never holds a line break, a control or a character beyond latin1", () => {
    for (const value of ["a\r\nX: y", "a\nb", "a\0b", "\u560d\u560aX: y", "\u{1f600}", "a\x7f"]) {
      assert.equal(
        expand("<${request.header.x}>", request("/", { headers: { x: value } })),
        "<>",
        JSON.stringify(value),
      );
      assert.equal(expand("<${listener.name}>", request("/", { listener: value })), "<>");
    }
    assert.equal(expand("<${request.query.x}>", request("/", { query: "x=a%0d%0ab" })), "<>");
    assert.equal(expand("${request.header.x}", request("/", { headers: { x: "caf\xe9\t" } })), "caf\xe9\t");
  });

  it("J06 M10 is refused with such characters in its text", () => {
    assert.match(problem("a\r\nb"), /U\+000D, which cannot be written in a field/);
    assert.match(problem("a\u560db"), /U\+560D/);
    assert.match(problem("\u{1f600}"), /U\+1F600/);
    const compiled = compileTemplate("${route.id}", {
      place: "field",
      routeId: "x\ny",
      upstreamName: "",
      captures: [[]],
    });
    assert.ok("problem" in compiled);
  });
});

describe("a template for a location", () => {
  const location = (text: string, context?: VariableContext) => expand(text, context, "location");

  it("keeps escapes of the path and escapes everything else", () => {
    assert.equal(location("https://${request.host}${request.path}", request("/a%2Fb")), "https://a/a%2Fb");
    assert.equal(location("/x/$1?y=$2"), "/x/a%2Fb?y=c/d");
    assert.equal(
      location("/x/${request.header.x}", request("/", { headers: { x: "a/../b\r\n" } })),
      "/x/a%2F..%2Fb%0D%0A",
    );
    assert.equal(location("/a?${request.query}", request("/", { query: "q=|" })), "/a?q=|");
    assert.equal(location("/a?${request.query}", request("/")), "/a");
    assert.equal(location("/straße x#y"), "/stra%C3%9Fe%20x#y");
  });

  it("leads to another site only where the configuration says so", () => {
    assert.equal(location("${request.path}", request("//evil.example/x")), "/evil.example/x");
    assert.equal(location("/${request.query.to}", request("/", { query: "to=/evil.example" })), "/%2Fevil.example");
    assert.equal(location("${request.path}x", request("///evil")), "/evilx");
    assert.equal(location("//cdn.example${request.path}", request("/x")), "//cdn.example/x");
  });

  it("takes only what may stand in a host for one", () => {
    assert.equal(location("http://${request.host}/", request("/", { host: "[::1]" })), "http://[::1]/");
    assert.equal(location("http://${request.host}/", request("/", { host: "a@b" })), "http:///");
  });
});

describe("a template for a host", () => {
  it("is empty where the value can't stand in one", () => {
    assert.equal(expand("${request.header.x}", request("/", { headers: { x: "a.b:80" } }), "host"), "a.b:80");
    for (const x of ["a/b", "a b", "u@a", "a\r\n", "\xe9"]) {
      assert.equal(expand("${request.header.x}", request("/", { headers: { x } }), "host"), "", x);
    }
    assert.equal(expand("${request.header.x}.internal", request("/", { headers: { x: "a/b" } }), "host"), "");
    assert.equal(expand("${request.header.x}.internal", request("/"), "host"), "");
    assert.match(problem("a/b", "host"), /"\/", which cannot stand in a host/);
  });
});

describe("template problems", () => {
  it("say what there is instead", () => {
    assert.match(
      problem("${client.adress}"),
      /\$\{client.adress\} is no variable; there is .*\$\{client.address\}, \$\{client.port\}/,
    );
    assert.match(problem("${req.host}"), /there is \$\{request.host\}$/);
    assert.match(problem("${nothing}"), /there is \$\{client.address\},.*\$\{request.header.NAME\}/);
    assert.match(problem("${}"), /is no variable/);
    assert.match(problem("${request.header.a b}"), /is no variable/);
    assert.match(problem("costs 5$"), /has a single "\$"; write "\$\$"/);
    assert.match(problem("${open"), /has a single "\$"/);
    assert.match(problem("$3"), /\$3 is not captured/);
    assert.match(problem("${path.name}"), /there is \$\{path.id\}/);
    assert.match(problem("${upstream.name}", "field", ""), /route without an upstream/);
    assert.match(problem("${upstream.address}", "target"), /known only in fields/);
    assert.match(problem("/a\\b", "location"), /cannot stand in a URL/);
  });
});
