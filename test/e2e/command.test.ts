// What the command line tool says, where it listens, and with which code it leaves.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { cliCommand } from "../support/runtime-command.ts";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { curl } from "./curl.ts";
import { startMillrace, startMillraceWith } from "./millrace.ts";
import { runProgram, startProgram } from "./program.ts";
import { createScratch } from "./scratch.ts";
import { pause, within } from "./wait.ts";

describe("the command line tool", { ignore: lacksTool("curl") }, () => {
  const scratch = createScratch();
  let backend: Backend;

  beforeAll(async () => {
    backend = await startNodeBackend();
  });
  afterAll(async () => {
    await backend?.stop();
    scratch.remove();
  });

  it("names an address in use, and leaves with 3", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : 0;
    const { code, stderr } = await runProgram([
      ...cliCommand(),
      "proxy",
      "--listen",
      `127.0.0.1:${port}`,
      "--to",
      "127.0.0.1:1",
    ]);
    taken.close();
    assert.equal(code, 3, stderr);
    assert.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the address is in use`));
  });

  it("listens on a UNIX socket, forwards to one, and removes its own", async () => {
    const behind = scratch.path("behind.sock");
    const front = scratch.path("front.sock");
    const server = await startNodeBackend(behind);
    const proxy = await startMillraceWith(["proxy", "--listen", `unix:${front}`, "--to", `unix:${behind}`]);
    const answer = await curl(["--unix-socket", front, "http://any.test/echo"]);
    assert.equal(answer.status, 200, answer.stderr);
    assert.ok(JSON.parse(answer.body).rawHeaders.includes("any.test"));
    const upload = await curl(["--unix-socket", front, "-T", "-", "http://any.test/upload"], Buffer.alloc(1_000_000));
    assert.match(upload.body, /^1000000 /);
    proxy.signal("SIGTERM");
    assert.equal((await within(proxy.exited, "the end", 3_000)).code, 0);
    assert.ok(!existsSync(front), "the socket's file is still there");
    await server.stop();
  });

  it("takes over the file of a UNIX socket that a killed process left behind", async () => {
    const front = scratch.path("stale.sock");
    const first = await startMillraceWith(["proxy", "--listen", `unix:${front}`, "--to", `127.0.0.1:${backend.port}`]);
    first.signal("SIGKILL");
    await first.exited;
    assert.ok(existsSync(front));
    const second = await startMillraceWith(["proxy", "--listen", `unix:${front}`, "--to", `127.0.0.1:${backend.port}`]);
    assert.equal((await curl(["--unix-socket", front, "http://a/bytes/3"])).status, 200);
    await second.stop();
  });

  it("says what is wrong with a configuration, and leaves with 1", async () => {
    const file = scratch.write(
      "wrong.yaml",
      'listeners: ["127.0.0.1:0"]\nroutes:\n  - respond: { status: 9999 }\n    nonsense: 1\n',
    );
    const answers = await Promise.all(["run", "check"].map((command) => runProgram([...cliCommand(), command, file])));
    for (const { code, stderr, stdout } of answers) {
      assert.equal(code, 1, stderr);
      assert.match(stderr + stdout, /wrong\.yaml:3:\d+: .*9999/);
      assert.match(stderr + stdout, /wrong\.yaml:4:\d+: .*nonsense/);
    }
  });

  it("reads YAML from standard input where the file is called -", async () => {
    const yaml = 'listeners: ["127.0.0.1:0"]\nroutes: [{ id: piped, respond: { body: x } }]\n';
    const ask = (input: string, ...args: string[]) => runProgram([...cliCommand(), ...args], { input });
    const [checked, wrong, explained, asked] = await Promise.all([
      ask(yaml, "check", "-"),
      ask(yaml.replace("body", "bodi"), "check", "-"),
      ask(yaml, "explain", "-", "GET", "http://a/"),
      ask("GET http://a/\n", "explain", scratch.write("in.yaml", yaml), "--requests", "-"),
    ]);
    assert.deepEqual([checked.code, wrong.code, explained.code, asked.code], [0, 1, 0, 0], checked.stderr);
    assert.match(checked.stdout, /piped.*respond 200/);
    assert.match(wrong.stderr, /^\/dev\/stdin:2:\d+: routes\[0\]\.respond\.bodi: unknown key/m);
    assert.match(explained.stdout, /piped/);
    assert.match(asked.stdout, /piped/);
  });

  it("looks where it was started for the files that standard input names", async () => {
    scratch.write("beside-it.yaml", "routes: [{ id: beside, respond: { body: x } }]\n");
    const yaml = 'listeners: ["127.0.0.1:0"]\ninclude: beside-*.yaml\nroutes: []\n';
    const { stdout, stderr } = await runProgram([...cliCommand(), "check", "-"], { input: yaml, cwd: scratch.folder });
    assert.match(stdout, /beside.*respond 200/, stderr);
  });

  it("serves what standard input says, which cannot be read again", async () => {
    const program = startProgram([...cliCommand(), "run", "--watch", "-"]);
    program.write('listeners: ["127.0.0.1:0"]\nroutes: [{ respond: { body: from a pipe } }]\n');
    program.endInput();
    const [, url = ""] = await program.says(/listening on (\S+)/);
    assert.equal((await curl([url])).body, "from a pipe");
    program.signal("SIGHUP");
    await program.says(/\/dev\/stdin: is empty; .*the old configuration goes on/s);
    assert.equal((await curl([url])).body, "from a pipe");
    await program.stop();
  });

  it("explains the command line, and leaves with 2 when it is wrong", async () => {
    const commands = [["--help"], ["--version"], ["proxy", "--to", ":1", "--nonsense"]];
    const answers = await Promise.all(commands.map((args) => runProgram([...cliCommand(), ...args])));
    assert.deepEqual(
      answers.map(({ code }) => code),
      [0, 0, 2],
    );
    assert.match(answers[0]?.stdout ?? "", /millrace proxy --listen/);
    assert.match(answers[1]?.stdout ?? "", /^millrace \d+\.\d+\.\d+ \((node|deno|bun) /);
    assert.match(answers[2]?.stderr ?? "", /nonsense/);
  });

  it("goes on when nobody reads its access log any more", async () => {
    const proxy = await startMillraceWith([
      "proxy",
      "--listen",
      "127.0.0.1:0",
      "--to",
      `127.0.0.1:${backend.port}`,
      "--access-log",
      "json",
    ]);
    assert.equal((await curl([`${proxy.url}/bytes/1`])).status, 200);
    const [line] = await proxy.says(/^\{.*\/bytes\/1.*\}$/m);
    assert.equal(JSON.parse(line).status, 200);
    proxy.closeOutput();
    await pause(50);
    for (let i = 0; i < 20; i++) assert.equal((await curl([`${proxy.url}/bytes/1`])).status, 200);
    proxy.signal("SIGTERM");
    assert.deepEqual(await within(proxy.exited, "the end", 3_000), { code: 0, signal: null });
  });

  it("spreads requests over servers by weight", async () => {
    const other = await startNodeBackend();
    const proxy = await startMillrace({
      listeners: ["127.0.0.1:0"],
      upstreams: {
        both: {
          servers: [`127.0.0.1:${backend.port}`, { address: `127.0.0.1:${other.port}`, weight: 3 }],
          balance: "round-robin",
        },
      },
      routes: [{ upstream: "both" }],
    });
    const count = async () => JSON.parse((await curl([`http://127.0.0.1:${other.port}/seen`])).body).requests as number;
    const before = await count();
    await curl(Array.from({ length: 40 }, () => `${proxy.url}/bytes/1`));
    assert.equal((await count()) - before, 30);
    await proxy.stop();
    await other.stop();
  });
});
