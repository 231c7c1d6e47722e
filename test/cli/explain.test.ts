// `millrace explain` as somebody at a terminal sees it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { explain } from "../../cli/explain.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch, type Scratch } from "../e2e/scratch.ts";
import { cliCommand, projectRoot } from "../support/runtime-command.ts";
import { millraceHere } from "./in-process.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => scratch.remove());

const runMillrace = (args: readonly string[]) => runProgram([...cliCommand(), ...args]);

const yaml = (server: string) => `listeners: ["127.0.0.1:0"]
upstreams: { app: { servers: ["${server}"] } }
routes:
  - { id: app, match: { host: a.example }, upstream: app }
  - { id: gone, respond: { status: 410 } }
`;
const write = (server = "127.0.0.1:9001", name = "main.yaml") => scratch.write(name, yaml(server));

describe("millrace explain", () => {
  it("says where a request would go", async () => {
    const { code, stdout } = await runMillrace([
      "explain",
      write(),
      "GET",
      "http://a.example/x",
      "-H",
      "X-A: 1",
      "--client",
      "192.0.2.9",
    ]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /Route {5}app, 1 of 2: upstream app/);
    assert.match(stdout, /^ {2}GET \/x HTTP\/1\.1$/m);
    assert.match(stdout, /^ {2}X-A: 1$/m);
    assert.match(stdout, /^ {2}X-Forwarded-For: 192\.0\.2\.9$/m);
  });

  it("says what docs/explain.md shows", async () => {
    scratch.write("hooks.ts", "\n\nexport const check = () => undefined;\n");
    const file = scratch.write(
      "main.yaml",
      `listeners: [{ address: "127.0.0.1:0", name: public }]
timeouts: { total: 30s }
hooks: { onRequest: { script: ./hooks.ts, export: check } }
upstreams:
  app:
    servers:
      - { address: "10.0.0.1:80", weight: 2 }
      - { address: "10.0.0.2:80", state: drain }
      - { address: "10.0.0.3:80", backup: true }
    timeouts: { connect: 1s }
routes:
  - { id: site, upstream: app }
  - { id: api, match: { path: "/api/*" }, rewrite: { stripPrefix: /api }, upstream: app }
  - { id: old, match: { path: "/old/*" }, redirect: { to: /new } }
`,
    );
    const request = ["GET", "https://a.example/api/x", "-H", "Cookie: a=b", "--client", "192.0.2.9"];
    const { stdout } = await runMillrace(["explain", file, ...request]);
    const page = readFileSync(join(projectRoot, "docs", "explain.md"), "utf8");
    const [, example = ""] = /^```text\n([\s\S]*?)^```/m.exec(page) ?? [];
    const [head = "", tail = ""] = example.split("  …\n");
    const said = stdout.replace(/\(\S*hooks\.ts/, "(hooks.ts");
    assert.equal(said.slice(0, head.length), head);
    assert.equal(said.slice(-tail.length), tail);
  });

  it("takes headers before the request, as curl does, and more than one", async () => {
    const file = write();
    for (const args of [
      ["-H", "X-A: 1", "--header", "X-B: 2", file, "GET", "http://a.example/x"],
      [file, "-H", "X-A: 1", "GET", "http://a.example/x", "-H", "X-B: 2"],
    ]) {
      const { code, stdout, stderr } = await millraceHere(["explain", ...args]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^ {2}X-A: 1\n {2}X-B: 2$/m);
    }
  });

  it("tells programs the same", async () => {
    const { stdout } = await millraceHere(["explain", write(), "http://b.example/", "--json"]);
    const { route, answer, rejected } = JSON.parse(stdout);
    assert.deepEqual([route.id, answer, rejected[0].id], ["gone", "410", "app"]);
  });

  it("compares two configurations, for a file of requests", async () => {
    const requests = scratch.write("requests.txt", "GET http://a.example/\nGET http://b.example/\n");
    const args = ["explain", write(), "--requests", requests, "--against"];
    const other = await runMillrace([...args, write("127.0.0.1:9002", "other.yaml")]);
    assert.equal(other.code, 5);
    assert.match(other.stdout, /~ upstream\.chosen: 127\.0\.0\.1:9001 -> 127\.0\.0\.1:9002/);
    assert.match(other.stdout, /1 of 2 requests would change from \S*main\.yaml to \S*other\.yaml/);
    assert.equal((await millraceHere([...args, write()])).code, 0);
  });

  it("says what is wrong with what it was asked", async () => {
    for (const [args, message] of [
      [[], /give METHOD and URL/],
      [["GET", "http://a b/"], /holds " ": escape it/],
      [["GET", "/", "-H", "X"], /is not of the form "Name: value"/],
      [["GET", "/", "-H", "A: b\rC: d"], /header "A" holds a line break/],
      [["GET", "/", "--client", "nobody"], /is no IP address/],
      [["GET", "/", "--listener", "none"], /no listener is called "none"/],
      [["GET", "/", "--requests", "x"], /give either/],
      [["--requests", "-", "--against", "-"], /`-`, standard input, can be only one of the files/],
    ] as const) {
      const { code, stderr } = await millraceHere(["explain", write(), ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.equal((await millraceHere(["explain", scratch.path("none.yaml"), "GET", "/"])).code, 1);
  });

  it("takes a TypeError that is no mistake of the user's for a defect", async () => {
    // A name that is no text, as only a defect of ours could make it.
    const header = { indexOf: () => 1, slice: () => ({ trim: () => "" }) } as unknown as string;
    const outputs = { out: { write() {}, flush: () => Promise.resolve() }, err: { write() {} } };
    const asked = { method: "GET", url: "/", header: [header], json: false };
    const options = { ...asked, client: undefined, listener: undefined, against: undefined, requests: undefined };
    const runtime = { hmacSha256: () => new Uint8Array(32) };
    await assert.rejects(explain(write(), options, runtime, outputs), TypeError);
  });

  it("names the line of a file of requests that is wrong, and takes options for those that say nothing else", async () => {
    const file = scratch.write("requests.txt", '\n{"url":"http://a.example/","listener":"none"}\n');
    const wrong = await millraceHere(["explain", write(), "--requests", file]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /requests\.txt:2: no listener is called "none"; known are 127\.0\.0\.1:0/);
    const right = scratch.write("right.txt", '/x\n{"url":"/x","headers":{"x-a":"2"},"client":"192.0.2.8"}\n');
    const given = ["-H", "X-A: 1", "-H", "Host: a.example", "--client", "192.0.2.9"];
    const { stdout } = await millraceHere(["explain", write(), "--requests", right, "--json", ...given]);
    const sent = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).sent.fields.join());
    assert.match(sent[0] ?? "", /X-A: 1.*X-Forwarded-For: 192\.0\.2\.9/);
    assert.match(sent[1] ?? "", /x-a: 2.*X-Forwarded-For: 192\.0\.2\.8/);
    assert.doesNotMatch(sent[1] ?? "", /X-A: 1/);
  });

  it("says of each request in short where it would go", async () => {
    const config = `${yaml("127.0.0.1:9001").replace('"127.0.0.1:9001"', '{ address: "127.0.0.1:9001", state: drain }')}`;
    const requests = scratch.write("requests.txt", "http://a.example/\nhttp://b.example/\n/%zz\n");
    const { stdout } = await millraceHere(["explain", scratch.write("a.yaml", config), "--requests", requests]);
    assert.deepEqual(stdout.trim().split("\n"), [
      "GET http://a.example/ -> route app, upstream app, where no server may be asked: 503",
      "GET http://b.example/ -> route gone, 410",
      "GET http://localhost/%zz -> 400 client.bad-path",
    ]);
  });

  it("says no more than it is read about a file that is all wrong", async () => {
    const file = scratch.write("requests.txt", "nonsense here\n".repeat(1_000));
    const { stderr } = await millraceHere(["explain", write(), "--requests", file]);
    assert.equal(stderr.split("\n").length, 52);
    assert.match(stderr, /… and 950 more/);
  });
});
