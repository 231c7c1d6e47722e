import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, afterEach, before, describe, it } from "@std/testing/bdd";
import { cliCommand, runtimeUnderTest } from "../support/runtime-command.ts";
import { a, type StubDns, srv, startStubDns } from "../support/stub-dns.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { type Program, startProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { PATIENCE_MS, pause, until } from "./wait.ts";

/** Servers that are found: in a file, by name, on real sockets and a real file system. */

const servers: Server[] = [];
const ports: number[] = [];
let scratch: Scratch;
let dns: StubDns;
let millrace: Millrace | null = null;

before(async () => {
  // Two on one port, for names with two addresses, and one on another.
  ports.push(await serve("one", "127.0.0.1", 0));
  ports.push(await serve("two", "127.0.0.2", ports[0]!));
  ports.push(await serve("three", "127.0.0.1", 0));
  dns = await startStubDns();
});
after(async () => {
  for (const server of servers) server.close();
  await dns.close();
});
afterEach(async () => {
  await millrace?.stop();
  millrace = null;
  scratch?.remove();
});

describe("a file of servers", () => {
  it("is followed when another is renamed over it and when it is written, and a bad one changes nothing", async () => {
    scratch = createScratch();
    const list = scratch.write("servers.yaml", `- "127.0.0.1:${ports[0]}"\n`);
    await run('upstreams:\n  app: { servers: [{ file: "servers.yaml" }] }\n');
    assert.equal(await ask(), "one");
    renameSync(scratch.write("next.yaml", `- { address: "127.0.0.1:${ports[2]}", weight: 3 }\n`), list);
    await answered("three");
    scratch.write("servers.yaml", `# none of these\n- "127.0.0.1"\n- { adress: "a:1" }\n`);
    await millrace!.says(/servers\.yaml:2:3: \[0\]: "127\.0\.0\.1": has no port[\s\S]*3:5: \[1\]\.adress: unknown key/);
    await millrace!.says(/servers\.yaml: its servers stay as they were/);
    assert.equal(await ask(), "three");
    rmSync(list);
    await millrace!.says(/servers\.yaml: does not exist/);
    assert.equal(await ask(), "three");
    scratch.write("servers.yaml", `["127.0.0.2:${ports[1]}"]`);
    await answered("two");
    scratch.write("servers.yaml", "[]");
    await answered("503");
  });
});

describe("servers with names", () => {
  it("finds localhost without a resolver, services, and names, which are followed when their TTL ends", async () => {
    scratch = createScratch();
    let address = "127.0.0.1";
    dns.answer = ({ name, type }) => {
      if (type === "SRV") return [{ answers: [srv(name, "three.internal", ports[2]!)] }];
      const ip = name === "three.internal" ? "127.0.0.1" : address;
      return [{ answers: type === "A" ? [a(name, ip, 0)] : [] }];
    };
    const upstreams = [
      `  app: { servers: ["app.internal:${ports[0]}"] }`,
      `  local: { servers: ["localhost:${ports[2]}"] }`,
      '  service: { servers: [{ srv: "_http._tcp.app.internal" }] }',
    ];
    const routes =
      "  - { match: { path: /local }, upstream: local }\n  - { match: { path: /service }, upstream: service }\n";
    const rules = `dns: { servers: ["127.0.0.1:${dns.address.port}"], minTtl: 100ms }\n`;
    await run(`${rules}upstreams:\n${upstreams.join("\n")}\n`, routes);
    assert.deepEqual([await ask(), await ask("/local"), await ask("/service")], ["one", "three", "three"]);
    address = "127.0.0.2";
    await answered("two");
    await millrace!.says(/notice upstream app has 1 server now; new: app\.internal:\d+\/127\.0\.0\.2; gone: app/);
    assert.ok(!dns.questions.some((question) => question.includes("localhost")));
  });

  const onDeno = runtimeUnderTest() === "deno" ? it : it.ignore;
  onDeno("starts with narrow permissions, and says which one is missing", async () => {
    scratch = createScratch();
    const [deno, run, ...rest] = cliCommand();
    const narrow = ["--allow-net=127.0.0.1", "--no-prompt", ...rest.filter((one) => one !== "-A")];
    const args = ["proxy", "--listen", "127.0.0.1:0", "--to", "app.internal:80", "--to", `localhost:${ports[2]}`];
    const program: Program = startProgram([deno!, run!, ...narrow, ...args]);
    await program.says(/no permission to read \/etc\/resolv\.conf: allow it, or name resolvers in dns\.servers/);
    const [, url = ""] = await program.says(/listening on (\S+)/);
    assert.equal(await (await fetch(url)).text(), "three");
    // A few ticks: whatever else it looks at must get along without permission, too.
    await pause(300);
    assert.doesNotMatch(program.stderr, /defect/);
    await program.stop();
  });
});

async function run(config: string, routes = ""): Promise<void> {
  const text = `listeners: ["127.0.0.1:0"]\nroutes:\n${routes}  - { upstream: app }\n${config}`;
  millrace = await startMillraceWith(["run", scratch.write("millrace.yaml", text)]);
}

async function ask(path = "/"): Promise<string> {
  const response = await fetch(`${millrace!.url}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const text = await response.text();
  return response.ok ? text : String(response.status);
}

async function answered(wanted: string): Promise<void> {
  await until(async () => (await ask()) === wanted, `an answer of ${wanted}`);
}

/** Answers everything with its name. */
function serve(name: string, host: string, port: number): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`));
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
