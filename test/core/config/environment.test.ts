import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { substituteEnvironment } from "../../../core/config/environment.ts";

const variables: Record<string, string> = {
  HOST: "127.0.0.1",
  EMPTY: "",
  LINES: 'a"\nroutes:\n  - evil',
  NESTED: "${env:HOST}",
  TEMPLATE: "$1${client.address}",
};

const substitute = (value: unknown) => substituteEnvironment(value, (name) => variables[name]);

describe("environment variables", () => {
  const cases: [string, string][] = [
    ["${env:HOST}:80", "127.0.0.1:80"],
    ["${env:HOST}${env:HOST}", "127.0.0.1127.0.0.1"],
    ["${env:MISSING:-[::1]}:80", "[::1]:80"],
    ["${env:MISSING:-}", ""],
    ["${env:EMPTY:-x}", "x"],
    ["${env:EMPTY}", ""],
    ["$${env:HOST}", "${env:HOST}"],
    ["${client.address} $1", "${client.address} $1"],
  ];
  for (const [text, result] of cases) {
    it(`makes ${JSON.stringify(result)} of ${text}`, () => {
      assert.deepEqual(substitute({ a: [text] }), { value: { a: [result] }, problems: [] });
    });
  }

  it("M10: takes what a variable holds as one piece of text", () => {
    assert.deepEqual(substitute({ a: "x ${env:LINES}" }).value, { a: 'x a"\nroutes:\n  - evil' });
    assert.deepEqual(substitute({ a: "${env:NESTED}" }).value, { a: "${env:HOST}" });
  });

  it("M10: a variable brings no variables into a template", () => {
    const routes = [
      { host: "${env:TEMPLATE}", upstream: "$${env:HOST}", redirect: { to: "$${env:HOST}/${env:TEMPLATE}" } },
    ];
    assert.deepEqual(substitute({ routes }).value, {
      routes: [
        {
          host: "$$1$${client.address}",
          upstream: "${env:HOST}",
          redirect: { to: "$${env:HOST}/$$1$${client.address}" },
        },
      ],
    });
  });

  it("reports every variable that is not set, with its path", () => {
    const { problems } = substitute({ a: ["${env:ONE}"], b: "${env:TWO} ${env:}" });
    assert.deepEqual(
      problems.map(({ path }) => path),
      [["a", 0], ["b"], ["b"]],
    );
    assert.match(problems[0]?.message ?? "", /ONE is not set.*\$\{env:ONE:-default\}/);
    assert.match(problems[2]?.message ?? "", /no variable/);
  });

  it("leaves keys and other values alone, also `__proto__`", () => {
    const value = JSON.parse('{"${env:HOST}": 1, "__proto__": {"a": true}}');
    const result = substitute(value).value as object;
    assert.deepEqual(Object.keys(result), ["${env:HOST}", "__proto__"]);
    assert.equal("a" in {}, false);
  });

  it("says that something contains itself, and what", () => {
    const config = { routes: [{ respond: {} as unknown }], list: [] as unknown[] };
    config.routes[0]!.respond = config;
    config.list.push([config.list]);
    assert.deepEqual(
      substitute(config).problems.map(({ path, message }) => `${path.join(".")} ${message.split(";")[0]}`),
      [
        "routes.0.respond contains itself: it is the whole configuration again",
        "list.0.0 contains itself: it is list again",
      ],
    );
    // What is used twice does not.
    const shared = ["${env:HOST}"];
    assert.deepEqual(substitute({ a: shared, b: [shared] }).problems, []);
  });

  it("leaves programs that are mounted alone, also those that contain themselves", () => {
    class App {
      readonly text = "${env:HOST}";
      readonly self = this;
      fetch(): string {
        return this.text;
      }
    }
    const app = new App();
    const { value, problems } = substitute({ routes: [{ mount: app }] });
    assert.deepEqual(problems, []);
    assert.equal((value as { routes: { mount: App }[] }).routes[0]?.mount, app);
  });

  it("keeps what it cannot look into, for the schema to refuse", () => {
    const map = new Map([["host", "a.example"]]);
    assert.equal((substitute({ match: map }).value as { match: unknown }).match, map);
  });

  it("stops at a depth no configuration has", () => {
    let value: unknown = "x";
    for (let depth = 0; depth < 100; depth++) value = [value];
    assert.match(substitute(value).problems[0]?.message ?? "", /nested more than 64 deep/);
  });
});
