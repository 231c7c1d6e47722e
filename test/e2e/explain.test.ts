// `millrace explain` as somebody at a terminal sees it.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { cliCommand } from "../support/runtime-command.ts";
import { runProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";

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

  it("tells programs the same", async () => {
    const { stdout } = await runMillrace(["explain", write(), "http://b.example/", "--json"]);
    const { route, answer, rejected } = JSON.parse(stdout);
    assert.deepEqual([route.id, answer, rejected[0].id], ["gone", "410", "app"]);
  });

  it("compares two configurations, for a file of requests", async () => {
    const requests = scratch.write("requests.txt", "GET http://a.example/\nGET http://b.example/\n");
    const args = ["explain", write(), "--requests", requests, "--against"];
    const other = await runMillrace([...args, write("127.0.0.1:9002", "other.yaml")]);
    assert.equal(other.code, 5);
    assert.match(other.stdout, /~ upstream\.chosen: 127\.0\.0\.1:9001 -> 127\.0\.0\.1:9002/);
    assert.match(other.stdout, /1 of 2 requests would change/);
    assert.equal((await runMillrace([...args, write()])).code, 0);
  });

  it("says what is wrong with what it was asked", async () => {
    for (const [args, message] of [
      [[], /give METHOD and URL/],
      [["GET", "http://a b/"], /holds " ": escape it/],
      [["GET", "/", "-H", "X"], /is not of the form "Name: value"/],
      [["GET", "/", "--client", "nobody"], /is no IP address/],
      [["GET", "/", "--listener", "none"], /no listener is called "none"/],
      [["GET", "/", "--requests", "x"], /give either/],
    ] as const) {
      const { code, stderr } = await runMillrace(["explain", write(), ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.equal((await runMillrace(["explain", scratch.path("none.yaml"), "GET", "/"])).code, 1);
  });
});
