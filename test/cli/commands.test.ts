// The command line tool as a process of the runtime under test.

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "@std/testing/bdd";

import { startMillraceWith } from "../e2e/millrace.ts";
import { type Finished, runProgram, startProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { within } from "../e2e/wait.ts";
import { cliCommand, executableOf, projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";
import { millraceHere, type Said } from "./in-process.ts";

const SOME = 'listeners: ["127.0.0.1:0"]\nroutes: [{ respond: { body: "hello\\n" } }]\n';

const millrace = (args: readonly string[]): Promise<Finished> => runProgram([...cliCommand(), ...args]);

function check(finished: Finished | Said, code: number, stdout: RegExp, stderr: RegExp): void {
  assert.equal(finished.code, code, finished.stderr);
  assert.match(finished.stdout, stdout);
  assert.match(finished.stderr, stderr);
  assert.equal(/\n +at /.test(finished.stderr), false, "no stack trace for a user's mistake");
}

const NOTHING = /^$/;
const VERSION = /^millrace \d+\.\d+\.\d+ \((node|deno|bun) \d+\.\d+\.\d+[^,]*(, commit [0-9a-f]{7,40})?\)\n$/;

describe("the command line", () => {
  it("says its version and the runtime's, with every command", async () => {
    for (const run of [() => millrace(["--version"]), () => millraceHere(["check", "--version"])]) {
      check(await run(), 0, VERSION, NOTHING);
    }
  });

  it("has help, with every command", async () => {
    for (const args of [["--help"], ["proxy", "-h"]]) {
      check(await millraceHere(args), 0, /^Usage: millrace/, NOTHING);
    }
  });

  it("answers mistakes with 2 and what to do", async () => {
    for (const [args, message] of [
      [[], /Usage: millrace/],
      [["rum"], /unknown command 'rum'\n.*run.*\nmillrace --help lists what there is/],
      [
        ["-t", "-c", "a"],
        /^millrace: unknown option '-t': `millrace check FILE` checks a configuration\nmillrace --help/,
      ],
      [
        ["run", "-c", "a"],
        /unknown option '-c': the file is named without an option: `millrace run FILE`\nmillrace run/,
      ],
      [["reload"], /unknown command 'reload': a running Millrace takes signals: SIGHUP reloads/],
      [["constructor"], /^millrace: unknown command 'constructor'\n/],
      [["proxy"], /'-t, --to <address...>' not specified\nmillrace proxy --help lists what there is/],
      [["proxy", "--to", "foo"], /--to: "foo": has no port; write one, such as "foo:8080"/],
      [["proxy", "--to", "127.0.0.1:9", "--listen", "8080"], /--listen: "8080": is a port only; write ":8080"/],
      [
        ["proxy", "--to", "127.0.0.1:9", "--balance", "rr"],
        /'rr' is invalid. Allowed choices are two-choices, round-robin/,
      ],
      [["proxy", "--to", "127.0.0.1:9", "--access-log", "xml"], /'xml' is invalid. Allowed choices are json, text/],
    ] as const) {
      check(await millraceHere(args), 2, NOTHING, message);
    }
    check(await millrace(["rum"]), 2, NOTHING, /unknown command 'rum'/);
  });
});

describe("millrace check", () => {
  const scratch = createScratch();

  it("shows what a right configuration comes to", async () => {
    const finished = await millraceHere(["check", join(projectRoot, "examples", "website.yaml")]);
    check(
      finished,
      0,
      /Listeners[\s\S]*public +:8080[\s\S]*Upstreams[\s\S]*least-busy[\s\S]*Routes[\s\S]*ok: 2 listeners, 2 upstreams, 7 routes in 1 file\n$/,
      NOTHING,
    );
    const order = finished.stdout.split("\n").flatMap((line) => /^ +\d+ +(\S+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(order, ["users", "api", "site", "status", "moved", "downloads", "nobody"]);
  });

  it("shows every problem of a wrong one, and leaves with 1", async () => {
    const file = scratch.write("wrong.yaml", `${SOME}listenrs: []\nvia: 5\n`);
    check(
      await millrace(["check", file]),
      1,
      NOTHING,
      /wrong\.yaml:3:1: listenrs: unknown key; did you mean "listeners"\?\n.*wrong\.yaml:4:6: via: [\s\S]*2 problems; nothing was started\n$/,
    );
  });

  it("shows warnings, and leaves with 0", async () => {
    const file = scratch.write("warn.yaml", `${SOME}upstreams: { spare: { servers: ["a:1"] } }\n`);
    check(
      await millraceHere(["check", file]),
      0,
      /ok: /,
      /warn\.yaml:3:14: upstreams\.spare: no route uses this upstream \(warning\)/,
    );
  });

  it("M11: says what is wrong with nonsense", async () => {
    for (const [name, content, message] of [
      ["binary.yaml", new Uint8Array([0, 1, 2, 0xff]), /is a binary file/],
      ["half.json", '{"listeners": [":80"], "rou', /half\.json:1:24: the quote that ends/],
      ["deep.yaml", "[".repeat(50_000), /is nested too deeply/],
      ["esc.yaml", 'listeners: ["\u001b[31m"]\n', /nothing was started/],
    ] as const) {
      const finished = await millraceHere(["check", scratch.write(name, content)]);
      check(finished, 1, NOTHING, message);
      assert.equal(finished.stderr.includes("\u001b"), false);
    }
    check(await millraceHere(["check", scratch.folder]), 1, NOTHING, /is a directory/);
    check(
      await millrace(["run", scratch.path("missing.yaml")]),
      1,
      NOTHING,
      /missing\.yaml: does not exist; check the path/,
    );
  });

  it("takes variables from the environment", async () => {
    const file = scratch.write("env.yaml", SOME.replace("127.0.0.1:0", "${env:MILLRACE_TEST_LISTEN}"));
    process.env["MILLRACE_TEST_LISTEN"] = "127.0.0.1:4711";
    check(await millraceHere(["check", file]), 0, /127\.0\.0\.1:4711/, NOTHING);
    delete process.env["MILLRACE_TEST_LISTEN"];
    check(await millraceHere(["check", file]), 1, NOTHING, /MILLRACE_TEST_LISTEN is not set/);
  });

  it("runs a configuration in TypeScript", async () => {
    check(await millraceHere(["check", join(projectRoot, "examples", "generated.ts")]), 0, /4 routes/, NOTHING);
  });
});

describe("millrace run and proxy", () => {
  it("A17: go on when nobody reads their output", async () => {
    const proxy = await startMillraceWith(["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--access-log"]);
    proxy.closeOutput();
    for (let count = 0; count < 3; count++) assert.equal((await fetch(proxy.url)).status, 502);
    proxy.signal("SIGTERM");
    assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
  });

  it("go on at SIGHUP without a file to read again, and show at SIGUSR2 where failed requests went", async () => {
    const proxy = await startMillraceWith(["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"]);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: there is no configuration file to read again/);
    const [, id = ""] = /request (\S+)/.exec(await (await fetch(`${proxy.url}/a?secret`)).text()) ?? [];
    proxy.signal("SIGUSR2");
    const [, line = ""] = await proxy.says(/SIGUSR2: traces kept: 1\n(.*)\nmillrace: SIGUSR2: end of the traces\n/);
    const { requestId, path, fault, tries } = JSON.parse(line);
    assert.deepEqual([requestId, path, fault.code], [id, "/a", "upstream.connect-refused"]);
    assert.deepEqual([tries.length, tries[0].server, tries[0].connection], [1, "127.0.0.1:9", null]);
    proxy.signal("SIGTERM");
    assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
  });

  it("log a line per request when asked, and one per failure always", async () => {
    const proxy = await startMillraceWith([
      "proxy",
      "--listen",
      "127.0.0.1:0",
      "--to",
      "127.0.0.1:9",
      "--access-log",
      "json",
    ]);
    const response = await fetch(`${proxy.url}/a?token=secret`);
    const [, id = ""] = /request (\S+)/.exec(await response.text()) ?? [];
    await proxy.says(/"status":502/);
    await proxy.says(
      new RegExp(
        `error upstream\\.\\S+: .*GET 127.0.0.1/a\\?token=\\*\\*\\* -> 502.*request ${id}, client 127.0.0.1, route proxy, upstream to, server 127.0.0.1:9\n`,
      ),
    );
    assert.equal(JSON.parse(proxy.stdout).requestId, id);
    assert.equal(proxy.stdout.includes("secret") || proxy.stderr.includes("secret"), false);
    await proxy.stop();
  });

  it("leave with 3 when an address is in use", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const address = blocker.address();
    const port = typeof address === "object" ? address?.port : 0;
    const finished = await millrace(["proxy", "--listen", `127.0.0.1:${port}`, "--to", "127.0.0.1:9"]);
    blocker.close();
    check(
      finished,
      3,
      NOTHING,
      new RegExp(
        `cannot listen on 127.0.0.1:${port}: the address is in use; stop what listens there, or choose another`,
      ),
    );
  });
});

describe("millrace demo", () => {
  it("says what to try, and it works", async () => {
    const demo = await startMillraceWith(["demo", "--listen", "127.0.0.1:0"]);
    const names = new Set<string>();
    for (let count = 0; count < 3; count++) names.add(await (await fetch(`${demo.url}/hello`)).text());
    assert.equal(names.size, 3);
    assert.deepEqual((await (await fetch(`${demo.url}/api/users/7`)).json()).id, "7");
    assert.equal(
      await (await fetch(`${demo.url}/api/events`)).text(),
      [5, 4, 3, 2, 1].map((left) => `data: ${left}\n\n`).join(""),
    );
    assert.equal((await (await fetch(`${demo.url}/echo`, { method: "POST", body: "hi" })).json()).body, "hi");
    assert.equal((await fetch(`${demo.url}/old`, { redirect: "manual" })).headers.get("location"), "/hello");
    assert.equal((await fetch(`${demo.url}/broken`)).status, 502);
    await demo.says(/curl http:\/\/127\.0\.0\.1:\d+\/hello/);
    await demo.says(/\d+ requests\/s {2}2xx \d/);
    demo.signal("SIGINT");
    assert.deepEqual(await within(demo.exited, "the end"), { code: 0, signal: null });
  });
});

describe("the permissions of docs/cli.md", { ignore: runtimeUnderTest() !== "deno" }, () => {
  const example = join(projectRoot, "examples", "minimal.yaml");
  const main = join(projectRoot, "cli", "main.ts");
  const deno = (permissions: readonly string[], args: readonly string[]) =>
    runProgram([executableOf("deno"), "run", "--no-prompt", "--no-check", ...permissions, main, ...args], {
      cwd: projectRoot,
    });

  it("none for --help and --version", async () => {
    check(await deno([], ["--help"]), 0, /Usage/, NOTHING);
    check(await deno([], ["--version"]), 0, /deno/, NOTHING);
  });

  it("the file and two variables for check", async () => {
    check(
      await deno([`--allow-read=${example}`, "--allow-env=LOG_STREAM,LOG_TOKENS"], ["check", example]),
      0,
      /ok: /,
      NOTHING,
    );
    check(
      await deno([`--allow-read=${example}`], ["check", example]),
      1,
      NOTHING,
      /need the permission --allow-env=LOG_STREAM,LOG_TOKENS/,
    );
  });

  it("the network for proxy", async () => {
    const args = ["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    check(await deno([], args), 3, NOTHING, /cannot listen/);
    const proxy = startProgram([
      executableOf("deno"),
      "run",
      "--no-prompt",
      "--no-check",
      "--allow-net=127.0.0.1",
      main,
      ...args,
    ]);
    await proxy.says(/listening on/);
    await proxy.stop();
  });

  it("the network for demo", async () => {
    const told = /^millrace: cannot listen on 127\.0\.0\.1:0: \S*Requires net access.*--allow-net flag\S*\n$/;
    for (const permissions of [[], ["--allow-net=127.0.0.1:8080"]])
      check(await deno(permissions, ["demo"]), 3, NOTHING, told);
  });

  it("no more of the network with --allow-ffi than without", async () => {
    const proxy = startProgram([
      executableOf("deno"),
      "run",
      "--no-prompt",
      "--no-check",
      "--allow-net=0.0.0.0,127.0.0.1",
      "--allow-ffi",
      main,
      ...["proxy", "--listen", ":0", "--to", "127.0.0.1:9"],
    ]);
    const port = Number((await proxy.says(/listening on \S*:(\d+)/))[1]);
    assert.equal(await answers("127.0.0.1", port), true);
    assert.equal(await answers("::1", port), false);
    await proxy.stop();
  });
});

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
