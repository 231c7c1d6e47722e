// A running process reads its configuration again, while it serves.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { cliCommand } from "../support/runtime-command.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { curl } from "./curl.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { startProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { pause, until, within } from "./wait.ts";
import { connectWire } from "./wire-client.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let backend: Backend;
let scratch: Scratch;
let proxy: Millrace;

beforeAll(async () => {
  backend = await startNodeBackend();
});
afterAll(async () => {
  await backend?.stop();
});
beforeEach(() => {
  scratch = createScratch();
});
afterEach(async () => {
  await proxy?.stop();
  scratch.remove();
});

const yaml = (body: string, more = ""): string =>
  `listeners: ["127.0.0.1:0"]\nroutes:\n  - { match: { path: /body }, respond: { body: "${body}" } }\n${more}`;

async function start(content: string, ...options: string[]): Promise<string> {
  const file = scratch.write("main.yaml", content);
  proxy = await startMillraceWith(["run", ...options, file]);
  return file;
}

const body = async (path = "/body"): Promise<string> => (await fetch(`${proxy.url}${path}`)).text();
const answers = (text: string, path?: string) =>
  until(async () => (await body(path)) === text, `the answer to become ${text}\n${proxy.stderr}`);

describe("SIGHUP", () => {
  it("reloads; a bad file changes nothing and says why; and so on", async () => {
    const file = await start(yaml("one"));
    assert.equal(await body(), "one");
    writeFileSync(file, yaml("two"));
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: reloaded; routes: 1 changed \(routes\[0\]\)/);
    assert.equal(await body(), "two");
    writeFileSync(file, `${yaml("three")}limitz: {}\nvia: 5\n`);
    proxy.signal("SIGHUP");
    await proxy.says(/main.yaml:4:1: limitz: unknown key; did you mean "limits"\?\n.*main.yaml:5:6: via: /s);
    await proxy.says(/SIGHUP: 2 problems; the old configuration goes on/);
    assert.equal(await body(), "two");
    writeFileSync(file, yaml("four", "log: { access: true, format: text }\n"));
    proxy.signal("SIGHUP");
    await answers("four");
    await until(() => /GET .*\/body/.test(proxy.stdout), "a line of the access log");
  });

  it("does not wait for a script that hangs, once it is asked for again", async () => {
    const hooks = "export const check = () => undefined;\n";
    const script = scratch.write("check.ts", hooks);
    const file = await start(yaml("one", `hooks: { onRequest: { script: ${script}, export: check } }\n`));
    writeFileSync(script, `console.error("hanging");\nawait new Promise(() => {});\n${hooks}`);
    proxy.signal("SIGHUP");
    await proxy.says(/hanging/);
    writeFileSync(script, hooks);
    writeFileSync(file, yaml("two", `hooks: { onRequest: { script: ${script}, export: check } }\n`));
    proxy.signal("SIGHUP");
    await proxy.says(/check\.ts: given up after \ds for a later reload\n.*SIGHUP: 1 problem; the old/s);
    await answers("two");
  });

  it("is remembered while the configuration is read for the first time", async () => {
    const gate = scratch.write("gate", "");
    const file = scratch.write(
      "main.ts",
      `import { existsSync } from "node:fs";
      console.error("reading");
      while (existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 20));
      export default { listeners: ["127.0.0.1:0"], routes: [{ respond: { body: "there" } }] };`,
    );
    const program = startProgram([...cliCommand(), "run", file]);
    try {
      await program.says(/reading/);
      program.signal("SIGHUP");
      await pause(100);
      rmSync(gate);
      await program.says(/listening on .*SIGHUP: reloaded/s);
    } finally {
      await program.stop();
    }
  });

  it("says which listener it could not open", async () => {
    const file = await start(yaml("one"));
    writeFileSync(file, yaml("two").replace('["', `["127.0.0.1:${backend.port}", "`));
    proxy.signal("SIGHUP");
    await proxy.says(
      /SIGHUP: not reloaded: cannot listen on \S+: the address is in use.*; the old configuration goes on/,
    );
    assert.equal(await body(), "one");
  });

  it("says so where the path of a UNIX socket is taken", async () => {
    const file = await start(yaml("one"));
    const taken = scratch.write("taken", "");
    writeFileSync(file, yaml("two").replace('["', `["unix:${taken}", "`));
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: not reloaded: cannot listen on unix:\S+: there is something of that name; stop/);
    assert.equal(await body(), "one");
  });

  it("listens anew where the file of a UNIX socket was removed, and leaves another's alone", async () => {
    const socket = scratch.path("m.sock");
    const file = await start(yaml("one").replace('["', `["unix:${socket}", "`));
    rmSync(socket);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: reloaded; listeners: 1 changed \(unix:\S+\)\n/);
    assert.equal((await curl(["--unix-socket", socket, "http://a/body"])).body, "one");
    rmSync(socket);
    const other = await startMillraceWith(["run", file]);
    proxy.signal("SIGHUP");
    await proxy.says(/SIGHUP: not reloaded: cannot listen on unix:\S+: there is something of that name; stop/);
    await proxy.stop();
    assert.equal((await curl(["--unix-socket", socket, "http://a/body"])).body, "one");
    await other.stop();
    assert.ok(!existsSync(socket));
  });

  it("leaves what is under way alone, and gives what it takes away its time", async () => {
    const more = (drop: boolean) =>
      `  - { match: { path: "/slow/*" }, upstream: app }\n${
        drop ? "" : `  - { match: { path: "/late/*" }, upstream: app }\n`
      }upstreams: { app: { servers: ["127.0.0.1:${backend.port}"] } }\ntimeouts: { drain: 400ms }\n`;
    const file = await start(yaml("one", more(false)));
    const [download, poll, idle] = [
      await connectWire(proxy.port),
      await connectWire(proxy.port),
      await connectWire(proxy.port),
    ];
    download.send(GET.replace("/", "/slow/2000"));
    poll.send(GET.replace("/", "/late/9000"));
    idle.send(GET.replace("/", "/body"));
    await download.receives("first-");
    await idle.receives("one");
    writeFileSync(file, yaml("two", more(true)));
    proxy.signal("SIGHUP");
    await proxy.says(/routes: 1 changed \(routes\[0\]\), 1 removed/);
    idle.send(GET.replace("/", "/body"));
    await idle.receives("two");
    await poll.receives("internal.reloaded");
    await proxy.says(/error internal.reloaded: .*\/late\/9000/);
    await download.receives("first-last");
    for (const client of [download, poll, idle]) client.destroy();
  });
});

describe("--watch", () => {
  it("reloads when a file is renamed over the old one, or written in place, half-written ones aside", async () => {
    const file = await start(yaml("one"), "--watch");
    renameSync(scratch.write("new", yaml("two")), file);
    await answers("two");
    writeFileSync(file, yaml("three").slice(0, 60));
    await proxy.says(/files changed: \d+ problem.*; the old configuration goes on/);
    assert.equal(await body(), "two");
    writeFileSync(file, yaml("three"));
    await answers("three");
    assert.equal((proxy.stderr.match(/reloaded; /g) ?? []).length, 2);
  });

  it("reloads when an included file changes, comes or goes", async () => {
    const route = (name: string, text: string) =>
      `routes: [{ match: { path: /${name} }, respond: { body: "${text}" } }]\n`;
    scratch.write("extra-a.yaml", route("a", "one"));
    await start(`${yaml("one")}include: extra-*.yaml\n`, "--watch");
    assert.equal(await body("/a"), "one");
    scratch.write("extra-a.yaml", route("a", "two"));
    await answers("two", "/a");
    scratch.write("extra-b.yaml", route("b", "three"));
    await answers("three", "/b");
  });

  it("takes nothing of which a part went while it was read, and does not complain of that", async () => {
    const site = (text: string) =>
      `export default { routes: [{ match: { path: "/a" }, respond: { body: "${text}" } }] };`;
    mkdirSync(scratch.path("sites"));
    scratch.write("sites/1.ts", site("one"));
    scratch.write("sites/2.yaml", "routes: []\n");
    await start(`${yaml("x")}include: "sites/*"\n`, "--watch");
    const remove = 'import { rmSync } from "node:fs";\nrmSync(new URL("2.yaml", import.meta.url), { force: true });\n';
    scratch.write("sites/1.ts", remove + site("two"));
    await answers("two", "/a");
    await proxy.says(/reloaded; .*\n/);
    assert.match(proxy.stderr, /listening on \S+\nmillrace: files changed: reloaded; [^\n]*\n$/);
  });

  it("reads a program and what it imports anew", async () => {
    scratch.write("package.json", '{ "type": "module" }');
    scratch.write("text.ts", 'export const text: string = "one";\n');
    const program = (prefix: string) =>
      `import { text } from "./text.ts";\nexport default { listeners: ["127.0.0.1:0"], routes: [{ respond: { body: "${prefix}" + text } }] };\n`;
    const file = scratch.write("main.ts", program(""));
    proxy = await startMillraceWith(["run", "--watch", file]);
    assert.equal(await body(), "one");
    scratch.write("text.ts", 'export const text: string = "two";\n');
    await answers("two");
    writeFileSync(file, program("also "));
    await answers("also two");
    writeFileSync(file, "export default {");
    await proxy.says(/main.ts:1:\d+: Expected identifier but found end of file/);
    assert.equal(await body(), "also two");
  });
});

describe("SIGTERM under load", () => {
  it("answers every request that was sent, and ends each connection cleanly", async () => {
    await start(yaml("x", `  - { upstream: app }\nupstreams: { app: { servers: ["127.0.0.1:${backend.port}"] } }\n`));
    let sent = 0;
    let answered = 0;
    let isTold = false;
    const talk = async () => {
      const client = await connectWire(proxy.port);
      for (let count = 1; !client.text.includes("Connection: close"); count++) {
        client.send(GET.replace("/", "/bytes/5"));
        sent++;
        await until(() => client.text.split("HTTP/1.1 200 OK").length > count, "an answer");
        answered++;
        await pause(isTold ? 5 : 1);
      }
      await client.ended();
      client.end();
    };
    const talks = Array.from({ length: 8 }, talk);
    await pause(200);
    isTold = true;
    proxy.signal("SIGTERM");
    await within(Promise.all(talks), "the last answers");
    assert.equal(answered, sent);
    assert.deepEqual(await within(proxy.exited, "the end"), { code: 0, signal: null });
  });
});

describe("SIGSTOP and SIGCONT", () => {
  it("cost nobody a deadline (A40)", async () => {
    const route = `  - { match: { path: "/late/*" }, upstream: app, timeouts: { firstByte: 2s } }\n`;
    await start(yaml("x", `${route}upstreams: { app: { servers: ["127.0.0.1:${backend.port}"] } }\n`));
    const client = await connectWire(proxy.port);
    client.send(GET.replace("/", "/late/2900"));
    await pause(300);
    proxy.signal("SIGSTOP");
    await pause(2_300);
    proxy.signal("SIGCONT");
    await client.receives("late\n");
    client.destroy();
  });
});
