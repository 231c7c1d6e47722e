import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { cliCommand } from "../support/runtime-command.ts";
import { type Program, runProgram, startProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { until, within } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

const SETTINGS = { listeners: ["127.0.0.1:0"], routes: [{ respond: { body: "ok" } }], log: { access: true } };

/** Rows A16 and A17 on real descriptors: whatever becomes of the log, requests are answered. */
describe("the access log", () => {
  let scratch: Scratch;
  let file: string;
  const programs: Program[] = [];

  beforeAll(() => {
    scratch = createScratch();
    file = scratch.write("millrace.json", JSON.stringify(SETTINGS));
  });
  afterAll(async () => {
    for (const program of programs) await program.stop();
    scratch.remove();
  });

  /** Millrace with its standard output where the shell puts it. */
  const start = async (redirection: string, before = ""): Promise<{ proxy: Program; port: number }> => {
    const proxy = startProgram(["sh", "-c", `${before} exec "$0" "$@" ${redirection}`, ...cliCommand(), "run", file]);
    programs.push(proxy);
    const [, port = ""] = await proxy.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    return { proxy, port: Number(port) };
  };

  (existsSync("/dev/full") ? it : it.ignore)("A16: the disk is full (Linux)", async () => {
    const { proxy, port } = await start("> /dev/full");
    await askMany(port, 100);
    await askMany(port, 100);
    await ends(proxy);
  });

  it("A16: its file may grow no further", async () => {
    const { proxy, port } = await start(`> ${scratch.path("limited")}`, "ulimit -f 4096;");
    await askMany(port, 1_500, "x".repeat(2_000));
    await askMany(port, 100);
    await ends(proxy);
  });

  it("A16: somebody reads it, but stops for a while: what is dropped is counted exactly", async () => {
    const fifo = scratch.path("log");
    assert.equal((await runProgram(["mkfifo", fifo])).code, 0);
    const sleeper = startProgram(["sh", "-c", `exec sleep 60 < ${fifo}`]);
    programs.push(sleeper);
    const { proxy, port } = await start(`> ${fifo}`);
    const count = 2_400;
    await askMany(port, count, "x".repeat(2_000));
    const reader = startProgram(["cat", fifo]);
    programs.push(reader);
    const [, dropped = ""] = await reader.says(/millrace: (\d+) log lines dropped/);
    assert.ok(Number(dropped) > 100, `${dropped} dropped`);
    await askMany(port, 1, "last");
    await reader.says(/"target":"\/last"/);
    const written = reader.stdout.match(/"target":"\/x/g)?.length ?? 0;
    assert.equal(written + Number(dropped), count);
    await ends(proxy);
  });

  describe("A16: it shares with what another program says", () => {
    let hooked: string;
    // The compiler of scripts is started with our standard error.
    beforeAll(() => {
      const leave = 'if (request.path === "/leave") process.exit(0);';
      scratch.write("hooks.ts", `export const check = (request: { path: string }) => { ${leave} };\n`);
      const hooks = { onRequest: { script: "./hooks.ts", export: "check" } };
      hooked = scratch.write("hooked.json", JSON.stringify({ ...SETTINGS, hooks }));
    });
    const startHooked = (redirection: string): Program => {
      const proxy = startProgram(["sh", "-c", `exec "$0" "$@" ${redirection}`, ...cliCommand(), "run", hooked]);
      programs.push(proxy);
      return proxy;
    };

    /** Of what is written to `name` the first line is read, and nothing behind it. */
    const startHeld = async (name: string): Promise<{ proxy: Program; port: number; fifo: string }> => {
      const fifo = scratch.path(name);
      assert.equal((await runProgram(["mkfifo", fifo])).code, 0);
      const reader = startProgram(["sh", "-c", `{ read line; echo "$line" >&2; exec sleep 60; } < ${fifo}`]);
      programs.push(reader);
      const proxy = startHooked(`> ${fifo} 2>&1`);
      const [, port = ""] = await reader.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
      return { proxy, port: Number(port), fifo };
    };

    it("a pipe that is not read", async () => {
      const { proxy, port } = await startHeld("shared");
      await askMany(port, 400, "x".repeat(2_000));
      await ends(proxy);
    });

    it("a pipe that is full when a hook ends the process", async () => {
      const { proxy, port, fifo } = await startHeld("full");
      await runProgram(["dd", "if=/dev/zero", `of=${fifo}`, "oflag=nonblock", "bs=4096"]);
      await runProgram(["dd", "if=/dev/zero", `of=${fifo}`, "oflag=nonblock", "bs=1"]);
      const client = await connectWire(port);
      client.send("GET /leave HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.deepEqual(await within(proxy.exited, "the end"), { code: 4, signal: null });
      client.destroy();
    });

    it("a socket that is not read, as node:child_process makes them", async () => {
      const proxy = startHooked("2>&1");
      const [, port = ""] = await proxy.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
      proxy.holdOutput();
      await askMany(Number(port), 800, "x".repeat(2_000));
      await ends(proxy);
    });
  });

  (existsSync("/usr/bin/script") ? it : it.ignore)("A16: it goes to a terminal that is held (Linux)", async () => {
    const fifo = scratch.path("screen");
    assert.equal((await runProgram(["mkfifo", fifo])).code, 0);
    const sleeper = startProgram(["sh", "-c", `exec sleep 60 < ${fifo}`]);
    programs.push(sleeper);
    const words = [...cliCommand(), "run", file].map((word) => `'${word}'`).join(" ");
    const inside = scratch.write("inside.sh", `${words} 2>&3 &\necho "pid $!" >&3\nwait $!\necho "exit $?" >&3\n`);
    // `script` makes the terminal; what is shown there waits in a pipe that nobody reads.
    const terminal = startProgram(["sh", "-c", `exec script -qfc 'sh ${inside}' /dev/null > ${fifo} 3>&2`]);
    programs.push(terminal);
    const [, pid = ""] = await terminal.says(/pid (\d+)/);
    const [, port = ""] = await terminal.says(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    try {
      await askMany(Number(port), 400, "x".repeat(2_000));
      process.kill(Number(pid), "SIGTERM");
      await terminal.says(/exit 0/);
    } finally {
      if (!/exit/.test(terminal.stderr)) process.kill(Number(pid), "SIGKILL");
      sleeper.signal("SIGKILL");
    }
  });

  it("A17: nobody reads it any more", async () => {
    const fifo = scratch.path("gone");
    assert.equal((await runProgram(["mkfifo", fifo])).code, 0);
    const sleeper = startProgram(["sh", "-c", `exec sleep 60 < ${fifo}`]);
    programs.push(sleeper);
    const { proxy, port } = await start(`> ${fifo}`);
    await askMany(port, 10);
    sleeper.signal("SIGKILL");
    await within(sleeper.exited, "the reader's end");
    await askMany(port, 100);
    await askMany(port, 100);
    await ends(proxy);
  });

  it("A17: there is none from the start", async () => {
    const { proxy, port } = await start(">&-");
    await askMany(port, 100);
    await ends(proxy);
  });
});

/** So many requests, one behind the other, each answered 200. */
async function askMany(port: number, count: number, target = ""): Promise<void> {
  const client = await connectWire(port);
  for (let sent = 0; sent < count; sent++) client.send(`GET /${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const answers = () => client.text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
  await until(
    () => answers() === count,
    () => `${answers()} of ${count} answers`,
  );
  client.destroy();
}

async function ends(proxy: Program): Promise<void> {
  proxy.signal("SIGTERM");
  assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
}
