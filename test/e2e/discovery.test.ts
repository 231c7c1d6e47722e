import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { after, afterEach, before, describe, it } from "@std/testing/bdd";
import { cliCommand, runtimeUnderTest } from "../support/runtime-command.ts";
import { a, type StubDns, srv, startStubDns } from "../support/stub-dns.ts";
import { type Millrace, startMillraceWith } from "./millrace.ts";
import { type Program, startProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { PATIENCE_MS, until } from "./wait.ts";

/** Servers that are found: in a file, by name, on real sockets and a real file system. */

const ROUTES = 'routes: [{ upstream: app }]\nlisteners: ["127.0.0.1:0"]\n';

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
    await run('[{ file: "servers.yaml" }]');
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

  it("must be right when all begins", async () => {
    scratch = createScratch();
    scratch.write("bad.yaml", "servers: []\n");
    const file = scratch.write(
      "a.yaml",
      `${ROUTES}upstreams:\n  app:\n    servers:\n      - file: bad.yaml\n      - file: gone.json\n`,
    );
    const checking = startProgram([...cliCommand(), "check", file]);
    await checking.says(/bad\.yaml:1:1: holds no list; write servers line by line/);
    await checking.says(/a\.yaml:7:15: upstreams\.app\.servers\[1\]\.file: .*gone\.json does not exist/);
    await checking.stop();
  });
});

describe("servers with names", () => {
  it("finds localhost without a resolver", async () => {
    scratch = createScratch();
    await run(`["localhost:${ports[2]}"]`, 'dns: { servers: ["127.0.0.1:9"] }\n');
    assert.equal(await ask(), "three");
  });

  it("finds a name, and follows it when its TTL ends", async () => {
    scratch = createScratch();
    let address = "127.0.0.1";
    dns.answer = ({ name, type }) => [{ answers: type === "A" ? [a(name, address, 0)] : [] }];
    await run(`["app.internal:${ports[0]}"]`, `dns: { servers: ["127.0.0.1:${dns.address.port}"], minTtl: 100ms }\n`);
    assert.equal(await ask(), "one");
    address = "127.0.0.2";
    await answered("two");
    await millrace!.says(/notice upstream app has 1 server now; new: app\.internal:\d+\/127\.0\.0\.2; gone: app/);
  });

  it("finds a service", async () => {
    scratch = createScratch();
    dns.answer = ({ name, type }) => {
      if (type === "SRV") return [{ answers: [srv(name, "app.internal", ports[2]!)] }];
      return [{ answers: type === "A" ? [a(name, "127.0.0.1")] : [] }];
    };
    await run('[{ srv: "_http._tcp.app.internal" }]', `dns: { servers: ["127.0.0.1:${dns.address.port}"] }\n`);
    assert.equal(await ask(), "three");
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
    await program.stop();
  });
});

async function run(list: string, more = ""): Promise<void> {
  const file = scratch.write("millrace.yaml", `${ROUTES}${more}upstreams:\n  app:\n    servers: ${list}\n`);
  millrace = await startMillraceWith(["run", file]);
}

async function ask(): Promise<string> {
  const response = await fetch(millrace!.url, { signal: AbortSignal.timeout(PATIENCE_MS) });
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
