import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../../core/config/compile.ts";
import type { Config } from "../../../core/config/define.ts";
import { createProxy, type Proxy as Millrace } from "../../../core/proxy.ts";
import type { Peer } from "../../../testing/peer.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";

/** A head in, a head out, byte for byte: to the upstream, and back to the client. */

let sim: Simulation;
let proxy: Millrace;

interface Seen {
  readonly toUpstream: string;
  readonly toClient: string;
}

async function pass(request: string, response: string, config: Partial<Config> = {}): Promise<Seen> {
  sim = createSimulation({ seed: 1 });
  const compiled = compileConfig({
    listeners: ["127.0.0.1:80"],
    upstreams: { app: { servers: ["127.0.0.1:90"] } },
    routes: [{ upstream: "app" }],
    ...config,
  });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  proxy = createProxy({ runtime: sim.runtime, snapshot: compiled.snapshot });
  await proxy.start();
  let upstream: Peer | null = null;
  sim.serve("127.0.0.1:90", (peer) => {
    upstream = peer;
    peer.onReceive = () => peer.send(`${response.replaceAll("\n", "\r\n")}\r\n\r\n`);
  });
  const client = sim.connect("127.0.0.1:80", { from: "192.0.2.7" });
  client.send(`${request.replaceAll("\n", "\r\n")}\r\n\r\n`);
  sim.drive();
  const plain = (text: string): string => text.replace(/\r\n\r\n[\s\S]*$/, "").replaceAll("\r\n", "\n");
  return { toUpstream: plain((upstream as Peer | null)?.text() ?? ""), toClient: plain(client.text()) };
}

afterEach(async () => {
  await sim.until(proxy.stop(), 1_000);
});

const OK = "HTTP/1.1 200 OK\nDate: now\nContent-Length: 0";
const GET = "GET / HTTP/1.1\nHost: a";
const US =
  "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Real-IP: 192.0.2.7\nX-Forwarded-Host: a\nVia: 1.1 millrace";

const BEHIND = "X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Real-IP: 192.0.2.7\nX-Forwarded-Host: a";

describe("a request on its way to the upstream", () => {
  const cases: [string, string, string, Partial<Config>?][] = [
    ["with who it came from and by whom", GET, `${GET}\n${US}`],
    ["keeps order, case and duplicates", `${GET}\nX-b: 1\nx-B: 2\nA:3`, `${GET}\nX-b: 1\nx-B: 2\nA: 3\n${US}`],
    [
      "leaves behind what concerns one connection",
      `${GET}\nConnection: keep-alive, X-Hop\nX-Hop: 1\nKeep-Alive: timeout=5\nProxy-Authorization: x\nTE: gzip\nX-End: 1`,
      `${GET}\nX-End: 1\n${US}`,
    ],
    [
      "says that the client takes trailers",
      `${GET}\nTE: trailers\nConnection: TE`,
      `${GET}\n${US}\nTE: trailers\nConnection: TE`,
    ],
    [
      "brings an upgrade along",
      `${GET}\nConnection: Upgrade\nUpgrade: foo`,
      `${GET}\n${US}\nConnection: Upgrade\nUpgrade: foo`,
    ],
    [
      "believes no stranger",
      `${GET}\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-Host: evil\nForwarded: for=1.1.1.1\nX-Real-IP: 1.1.1.1`,
      `${GET}\n${US}`,
    ],
    [
      "adds itself behind a proxy it trusts",
      `${GET}\nX-Forwarded-For: 198.51.100.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: b`,
      `${GET}\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\nX-Forwarded-For: 198.51.100.1, 192.0.2.7\nX-Real-IP: 198.51.100.1\nVia: 1.1 millrace`,
      { trustedProxies: ["192.0.2.0/24"] },
    ],
    [
      "with Forwarded where that is wanted, and without Via where not",
      GET,
      `${GET}\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Real-IP: 192.0.2.7\nX-Forwarded-Host: a\nForwarded: for=192.0.2.7;proto=http;host=a`,
      { via: false, forwarded: true },
    ],
    [
      "after those that Forwarded names, where that is wanted",
      `${GET}\nForwarded: for=198.51.100.1\nForwarded: for="[::1]";proto=https`,
      `${GET}\n${BEHIND}\nForwarded: for=198.51.100.1, for="[::1]";proto=https, for=192.0.2.7;proto=http;host=a`,
      { trustedProxies: ["192.0.2.0/24"], via: false, forwarded: true },
    ],
    [
      "alone in Forwarded where what came cannot be told apart (H09)",
      `${GET}\nForwarded: for="198.51.100.1\nForwarded: for=1.1.1.1;by="x"`,
      `${GET}\n${BEHIND}\nForwarded: for=192.0.2.7;proto=http;host=a`,
      { trustedProxies: ["192.0.2.0/24"], via: false, forwarded: true },
    ],
    [
      "without Forwarded where it is not wanted, from trusted proxies too",
      `${GET}\nForwarded: for=198.51.100.1`,
      `${GET}\n${BEHIND}`,
      { trustedProxies: ["192.0.2.0/24"], via: false },
    ],
    [
      "with what a trusted proxy says, though Connection names it",
      `${GET}\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\nConnection: X-Forwarded-Proto, X-Forwarded-Host`,
      `${GET}\nX-Forwarded-Proto: https\nX-Forwarded-Host: b\nX-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.7`,
      { trustedProxies: ["192.0.2.0/24"], via: false },
    ],
    [
      "with another host",
      GET,
      `GET / HTTP/1.1\nHost: b.example\n${US}`,
      { routes: [{ upstream: "app", host: "b.example" }] },
    ],
    [
      "with fields set, added and removed",
      `${GET}\nX-Set: old\nX-Gone: 1\nX-More: 1`,
      `${GET}\nX-More: 1\n${US}\nX-Set: new a\nX-More: 2`,
      {
        routes: [
          {
            upstream: "app",
            request: { set: { "X-Set": "new ${request.host}" }, add: { "X-More": "2" }, remove: "x-gone" },
          },
        ],
      },
    ],
    [
      "with the route's host and fields over what onRequest says",
      `${GET}\nX-D: 1`,
      `GET / HTTP/1.1\nHost: hook.example.to\n${US}\nX-C: hook\nX-A: hook route\nX-D: route`,
      {
        routes: [
          {
            upstream: "app",
            host: "${request.host}.to",
            request: { set: { "X-A": "${request.header.x-a} route" }, add: { "X-D": "route" }, remove: "X-B" },
            hooks: { onRequest: () => ({ headers: { remove: "X-D", set: { "X-A": "hook", "X-B": "hook" } } }) },
          },
        ],
        hooks: { onRequest: () => ({ host: "hook.example", headers: { set: { "X-A": "first", "X-C": "hook" } } }) },
      },
    ],
    [
      "with the host of onRequest where the route has none",
      GET,
      `GET / HTTP/1.1\nHost: hook.example\n${US}`,
      { hooks: { onRequest: () => ({ host: "hook.example" }) } },
    ],
    [
      "with what decide and onAttempt say over what the route does",
      `${GET}\nX-D: 1`,
      `GET / HTTP/1.1\nHost: decided.example\n${US}\nX-A: decided\nX-B: try`,
      {
        routes: [
          {
            upstream: "app",
            host: "route.example",
            request: { set: { "X-A": "route", "X-B": "route", "X-D": "route" } },
            hooks: {
              decide: () => ({ upstream: "app", host: "decided.example", headers: { set: { "X-A": "decided" } } }),
              onAttempt: () => ({ headers: { set: { "X-B": "try" }, remove: "X-D" } }),
            },
          },
        ],
      },
    ],
    [
      "with a target's host and fields over what the route says",
      GET,
      `GET / HTTP/1.1\nHost: decided.example\n${US}\nX-A: decided`,
      {
        allowTargets: ["127.0.0.1/32"],
        routes: [
          {
            host: "route.example",
            request: { set: { "X-A": "route" } },
            target: () => ({
              target: "http://127.0.0.1:90",
              host: "decided.example",
              headers: { set: { "X-A": "decided" } },
            }),
          },
        ],
      },
    ],
    [
      "with a rewritten path and its query",
      "GET /api/x?q HTTP/1.1\nHost: a",
      `GET /x?q HTTP/1.1\nHost: a\n${US}`,
      { routes: [{ upstream: "app", rewrite: { stripPrefix: "/api" } }] },
    ],
    [
      "from HTTP/1.0, which has no Host",
      "GET / HTTP/1.0",
      "GET / HTTP/1.1\nHost: 127.0.0.1:90\nX-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: http\nX-Real-IP: 192.0.2.7\nVia: 1.0 millrace",
    ],
    ["with an absolute target in origin form", "GET http://a/x HTTP/1.1\nHost: a", `GET /x HTTP/1.1\nHost: a\n${US}`],
    ["with dot segments resolved", "GET /a/../b?../c HTTP/1.1\nHost: a", `GET /b?../c HTTP/1.1\nHost: a\n${US}`],
    [
      "byte for byte otherwise",
      "GET /a%2fb//c;d?%zz HTTP/1.1\nHost: a",
      `GET /a%2fb//c;d?%zz HTTP/1.1\nHost: a\n${US}`,
    ],
  ];
  for (const [name, request, expected, config] of cases) {
    it(`goes ${name}`, async () => {
      assert.equal((await pass(request, OK, config ?? {})).toUpstream, expected);
    });
  }

  it("goes nowhere when it has come by too often", async () => {
    const via = (times: number): string => `${GET}\nVia: ${Array(times).fill("1.1 millrace").join(", ")}`;
    assert.match((await pass(via(9), OK)).toClient, /^HTTP\/1.1 200/);
    await proxy.stop();
    const { toUpstream, toClient } = await pass(via(10), OK);
    assert.match(toClient, /^HTTP\/1.1 508/);
    assert.equal(toUpstream, "");
  });
});

describe("a response on its way to the client", () => {
  const cases: [string, string, string, string, Partial<Config>?][] = [
    ["with by whom", GET, OK, `${OK}\nVia: 1.1 millrace`],
    [
      "an interim one without the length that it must not have",
      GET,
      `HTTP/1.1 103 Early Hints\nContent-Length: 0\nLink: </a>\n\n${OK}`,
      "HTTP/1.1 103 Early Hints\nLink: </a>",
    ],
    [
      "with a date where there is none",
      GET,
      "HTTP/1.1 200 OK\nContent-Length: 0",
      "HTTP/1.1 200 OK\nContent-Length: 0\nVia: 1.1 millrace\nDate: Thu, 15 Jan 2026 12:00:00 GMT",
    ],
    [
      "with its own words",
      GET,
      OK.replace("OK", "Fine, thanks"),
      `${OK.replace("OK", "Fine, thanks")}\nVia: 1.1 millrace`,
    ],
    [
      "without what concerns one connection",
      GET,
      `${OK}\nConnection: X-Hop\nX-Hop: 1\nKeep-Alive: timeout=5\nUpgrade: h2c\nSet-Cookie: a\nSet-Cookie: b`,
      `${OK}\nSet-Cookie: a\nSet-Cookie: b\nVia: 1.1 millrace`,
    ],
    ["from HTTP/1.0", GET, OK.replace("1.1", "1.0"), `${OK}\nVia: 1.0 millrace`],
    [
      "without a length for 204",
      GET,
      "HTTP/1.1 204 No Content\nDate: now",
      "HTTP/1.1 204 No Content\nDate: now\nVia: 1.1 millrace",
    ],
    [
      "with the length it would have, for HEAD",
      GET.replace("GET", "HEAD"),
      "HTTP/1.1 200 OK\nDate: now\nContent-Length: 99",
      "HTTP/1.1 200 OK\nDate: now\nContent-Length: 99\nVia: 1.1 millrace",
    ],
    [
      "with fields set and removed",
      GET,
      `${OK}\nServer: x`,
      `${OK}\nVia: 1.1 millrace\nX-Route: yes`,
      { routes: [{ upstream: "app", response: { set: { "X-Route": "yes" }, remove: ["Server"] } }] },
    ],
  ];
  for (const [name, request, response, expected, config] of cases) {
    it(`goes ${name}`, async () => {
      assert.equal((await pass(request, response, config ?? {})).toClient, expected);
    });
  }

  it("announces trailers to clients that take them", async () => {
    const response = "HTTP/1.1 200 OK\nDate: now\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n1\na\n0\nX-Sum: 1";
    assert.match((await pass(`${GET}\nTE: trailers\nConnection: TE`, response)).toClient, /\nTrailer: X-Sum\n/);
    await proxy.stop();
    assert.doesNotMatch((await pass(GET, response)).toClient, /Trailer/);
  });
});
