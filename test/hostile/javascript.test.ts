import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import { seeded } from "../../testing/seeded.ts";
import { processorMs } from "../support/processor-time.ts";
import { assertHealthy, finalsOf, forwardedTo, statusesOf, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("traps of the language", () => {
  /** Their low bytes are CR and LF. */
  const folding = "\u560d\u560aX: y";

  for (const [where, part] of [
    ["a request header", { routes: [{ upstream: "app", request: { set: { "X-A": folding } } }] }],
    ["a response header", { routes: [{ upstream: "app", response: { add: { "X-A": folding } } }] }],
    ["a redirect", { routes: [{ redirect: { to: `/new${folding}` } }] }],
    ["a path", { routes: [{ upstream: "app", rewrite: { path: `/new${folding}` } }] }],
    ["a host", { routes: [{ upstream: "app", host: `a${folding}` }] }],
    ["a content type", { routes: [{ respond: { contentType: `text/plain${folding}` } }] }],
  ] as const) {
    it(`J06 a code point above 0xff in ${where} of the configuration is never cut to a byte`, async () => {
      const base = { listeners: ["127.0.0.1:0"], upstreams: { app: { servers: ["127.0.0.1:1"] } } };
      if ("problems" in compileConfig({ ...base, ...part })) return;
      // Accepted: then it must arrive encoded.
      const stage = await simulate(
        "plain",
        {},
        (config) => ({ ...config, ...structuredClone(part) }) as unknown as typeof config,
      );
      const client = stage.connect(WHOLE);
      client.send(GET);
      stage.sim.drive();
      const all = client.text() + stage.origin.links.map(({ raw }) => raw).join("");
      assert.ok(!/\r\nX: y/.test(all), all);
      assert.ok(!/[\r\n]X: y/.test(all.replaceAll("\r\n", "")), all);
      assert.deepEqual(stage.origin.errors(), []);
      await strike(stage, client);
    });
  }

  it("J07 request data never passes through the conversions that are kinder than HTTP", () => {
    const banned: readonly (readonly [RegExp, string])[] = [
      [/\bnew URL\(/, "new URL"],
      [/\bparseInt\(|\bparseFloat\(/, "parseInt, parseFloat"],
      [/\.trim(?:Start|End)?\(\)/, "trim"],
      [/\.to(?:Locale)?(?:Lower|Upper)Case\(\)/, "toLowerCase"],
      [/\bencodeURI\(|\bdecodeURI(?:Component)?\(/, "decodeURI"],
    ];
    const found: string[] = [];
    for (const room of ["bytes", "http", "h1"]) {
      const folder = new URL(`../../core/${room}/`, import.meta.url);
      for (const name of readdirSync(folder).filter((each) => each.endsWith(".ts"))) {
        const code = readFileSync(new URL(name, folder), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
        for (const [pattern, what] of banned) if (pattern.test(code)) found.push(`${room}/${name}: ${what}`);
      }
    }
    assert.deepEqual(found, []);
  });

  it("J09 names and parameters that collide cost no more than others", async () => {
    const stage = await simulate("plain", {}, (config) => ({
      ...config,
      routes: [
        { match: { query: { wanted: "1" }, header: { "x-wanted": "1" } }, upstream: "app" },
        { upstream: "app" },
      ],
    }));
    // Numbers as names hash to themselves in V8, here 2^20 apart; the heads are as full as the limits allow.
    const fields = Array.from({ length: 95 }, (_, i) => `${(i + 1) * 1_048_576}: x\r\n`).join("");
    const query = Array.from({ length: 1_200 }, (_, i) => `${(i + 1) * 1_048_576}=1`).join("&");
    const request = `GET /?${query.slice(0, 16_000)} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
    const client = stage.connect(WHOLE);
    const count = 200;
    const tookMs = processorMs(() => {
      for (let i = 0; i < count; i++) {
        client.send(request);
        stage.sim.drive();
      }
    });
    const each = tookMs / count;
    assert.equal(statusesOf(client).length, count);
    assert.ok(each < 100, `${each} ms for one request`);
    await strike(stage, client);
  });

  it("J10 nobody's bytes show up in somebody else's, and no byte that was given away is sent again", async () => {
    // The simulator overwrites what was written with 0xdd and refuses to send it: a stale view cannot go unnoticed.
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const stage = await simulate("plain", {
        seed,
        kernelBytesMax: 1_000 * seed,
        eagerWrites: seed % 2 === 0,
        segments: { kind: "random", bytesMax: 97 * seed },
      });
      stage.script = {
        onRequest: ({ body }) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      };
      const clients = Array.from({ length: 12 }, (_, i) => {
        const client = stage.connect({ kind: "random", bytesMax: 300 });
        const letter = String.fromCharCode(65 + i);
        for (let n = 1; n <= 5; n++) {
          const body = letter.repeat(n * 1_700);
          client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        }
        return { client, letter };
      });
      stage.sim.drive();
      for (const { client, letter } of clients) {
        const answers = finalsOf(client);
        assert.equal(answers.length, 5, `seed ${seed}`);
        answers.forEach(({ body }, i) => void assert.equal(body, letter.repeat((i + 1) * 1_700), `seed ${seed}`));
      }
      await assertHealthy(stage);
      await strike(stage, ...clients.map(({ client }) => client));
    }
  });

  it("J11 events in any order leave nothing open and nothing mixed up", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const stage = await simulate("plain", {
        seed,
        kernelBytesMax: random.pick([200, 5_000, 65_536]),
        eagerWrites: random.next() < 0.5,
        noticesResetWhilePaused: random.next() < 0.5,
        segments: random.pick([{ kind: "whole" }, { kind: "bytes" }, { kind: "random", bytesMax: 50 }] as const),
      });
      const body = "y".repeat(3_000);
      stage.script = {
        onRequest(_request, link) {
          link.peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 1_500)}`);
          random.pick([
            () => link.peer.reset(),
            () => link.peer.end(),
            () => link.peer.send(body.slice(1_500)),
            () => link.peer.send(body.slice(1_500)),
          ])();
          return null;
        },
      };
      const clients = Array.from({ length: 6 }, () => stage.connect({ kind: "random", bytesMax: 60 }));
      for (let step = 0; step < 60; step++) {
        const client = random.pick(clients);
        const link = stage.origin.links.length > 0 ? random.pick(stage.origin.links) : null;
        random.pick<() => void>([
          () => client.send(GET),
          () =>
            client.send(
              `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${"z".repeat(random.between(0, 2_000))}`,
            ),
          () => client.send(GET.slice(0, random.between(1, GET.length))),
          () => client.stopReading(),
          () => client.readOn(),
          () => (random.next() < 0.3 ? client.reset() : undefined),
          () => (random.next() < 0.3 ? client.end() : undefined),
          () => (random.next() < 0.3 ? link?.peer.end() : undefined),
          () => (random.next() < 0.3 ? link?.peer.reset() : undefined),
          () => link?.peer.stopReading(),
          () => link?.peer.readOn(),
          () => link?.peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
          () => stage.sim.advance(random.between(0, 2_000)),
        ])();
        if (random.next() < 0.3) stage.sim.drive();
      }
      stage.script = {};
      for (const client of clients) client.destroy();
      for (const { peer } of stage.origin.links) peer.readOn();
      stage.sim.advance(200_000);
      stage.sim.drive();
      assert.equal(stage.proxy.connectionCount, 0, `seed ${seed}: client connections left`);
      await assertHealthy(stage);
      await strike(stage);
    }
  });

  it("J12 failures that nobody waits for end nothing but their own request", async () => {
    const stage = await simulate("plain", {}, (config) => ({
      ...config,
      upstreams: { app: { servers: ["127.0.0.1:9001"] }, gone: { servers: ["127.0.0.1:1"] } },
      routes: [{ match: { path: "/gone" }, upstream: "gone" }, { upstream: "app" }],
    }));
    const leaver = stage.connect(WHOLE);
    leaver.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    leaver.reset();
    stage.sim.drive();
    const patient = stage.connect(WHOLE);
    patient.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.sim.drive();
    assert.deepEqual(statusesOf(patient), [502]);
    stage.sim.failAccept("127.0.0.1:8080", "EMFILE");
    stage.sim.drive();
    await assertHealthy(stage);
    assert.deepEqual(forwardedTo(stage), []);
    await strike(stage, leaver, patient);
  });
});
