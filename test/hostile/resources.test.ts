import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { compileConfig } from "../../core/config/compile.ts";
import type { Config } from "../../core/config/define.ts";
import { DEFAULT_TIMEOUTS } from "../../core/limits.ts";
import { createOrigin } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import { addressOf } from "../../testing/wire.ts";
import { GET, LISTEN, OK, ok, SILENT, type Stage, stageWith, statusesTo, UPSTREAM } from "../scenario/stage.ts";

/** Group Q: resources that run out. */

const KIB = 1024;
const MIB = 1024 * KIB;
const put = (bytes: number): string =>
  `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`;
const isOpen = ({ closed, isGone }: Peer): boolean => closed === null && !isGone;

describe("resources that run out", () => {
  it("Q01 2,000 connections of one address: 200 stay, and other addresses are not affected", async () => {
    const stage = await stageWith({ limits: { connectionsPerAddress: 200 } });
    const greedy = Array.from({ length: 2_000 }, () => stage.client({ from: "192.0.2.1" }));
    stage.sim.drive();
    assert.equal(greedy.filter(isOpen).length, 200);
    assert.equal(stage.proxy.connectionCount, 200);
    assert.deepEqual(statusesTo(stage.ask(GET, { from: "192.0.2.2" })), [200]);
    await stage.close();
  });

  it("Q01 an IPv6 client is its /64", async () => {
    const stage = await stageWith({ limits: { connectionsPerAddress: 10 } });
    const greedy = Array.from({ length: 50 }, (_, i) => stage.client({ from: `2001:db8:0:1::${i.toString(16)}` }));
    stage.sim.drive();
    assert.equal(greedy.filter(isOpen).length, 10);
    assert.deepEqual(statusesTo(stage.ask(GET, { from: "2001:db8:0:2::1" })), [200]);
    await stage.close();
  });

  for (const acceptPause of [true, false]) {
    it(`Q02 500 clients with 256 descriptors ${acceptPause ? "wait" : "are reset"} before they are used up`, async () => {
      const stage = await stageWith({ descriptorsMax: 256, capabilities: { acceptPause } });
      for (let i = 0; i < 73; i++) stage.ask("GET / HTTP/1.1\r\n");
      const clients = Array.from({ length: 500 }, () => stage.client());
      stage.sim.advance(500);
      const inUse = stage.sim.openSockets().filter((line) => line.startsWith("socket")).length;
      assert.ok(inUse <= (256 - 64) / 2, `${inUse} sockets`);
      assert.equal(clients.filter(isOpen).length, acceptPause ? 500 : 3);
      // By itself everything goes on once those in the way are gone.
      for (const client of clients) client.send(GET);
      stage.sim.advance(15_000);
      const answers = clients.flatMap((client) => statusesTo(client));
      assert.deepEqual(answers, Array(acceptPause ? 500 : 3).fill(200));
      assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
      await stage.close();
    });
  }

  it("Q02 with all descriptors in use by requests, the servers are still reached, and who is too many is told", async () => {
    const stage = await stageWith({ descriptorsMax: 256, script: SILENT });
    const clients = Array.from({ length: 76 }, () => stage.ask(GET));
    assert.equal(stage.origin.links.length, 73);
    assert.deepEqual(
      clients.flatMap((client) => statusesTo(client)),
      Array(3).fill(503),
    );
    const inUse = stage.sim.openSockets().filter((line) => line.startsWith("socket")).length;
    assert.ok(inUse <= 256 - 64, `${inUse} sockets`);
    for (const { peer } of stage.origin.links) peer.send(OK);
    stage.sim.drive();
    assert.equal(clients.flatMap((client) => statusesTo(client)).filter((status) => status === 200).length, 73);
    await stage.close();
  });

  it("Q02 a failure to accept is told, and accepting goes on", async () => {
    const stage = await stageWith();
    for (const code of ["EMFILE", "EACCES", "EMFILE", "EACCES"] as const) stage.sim.failAccept(LISTEN, code);
    stage.sim.drive();
    assert.deepEqual(
      stage.notices.map(({ kind }) => kind),
      ["descriptors-exhausted", "accept-failed", "accept-failed"],
    );
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    await stage.close();
  });

  it("Q03 no local port towards a server: 503 of its own kind, and kept connections need none", async () => {
    const stage = await stageWith();
    assert.deepEqual(statusesTo(stage.ask(GET)), [200]);
    stage.sim.failConnect(UPSTREAM, "EADDRNOTAVAIL");
    const kept = stage.ask(GET);
    assert.deepEqual(statusesTo(kept), [200], "the pool has one");
    stage.script = SILENT;
    stage.ask(GET);
    const refused = stage.ask(GET);
    assert.deepEqual(statusesTo(refused), [503]);
    assert.equal(stage.exchanges.at(-1)?.fault, "internal.no-local-port");
    assert.match(refused.text(), /\r\nRetry-After: /);
    stage.sim.restore(UPSTREAM);
    stage.script = {};
    assert.deepEqual(statusesTo(stage.ask(GET)), [200], "it recovers by itself");
    await stage.close();
  });

  it("Q03 another server is asked when there is one, also with what must not be done twice", async () => {
    const stage = await stageWith({ otherServers: ["127.0.0.1:9002"] });
    const other = await createOrigin(stage.sim.outside(), addressOf("127.0.0.1:9002"), { onRequest: () => OK });
    stage.sim.failConnect(UPSTREAM, "EADDRNOTAVAIL");
    for (let i = 0; i < 4; i++) {
      const client = stage.ask(`POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`);
      stage.sim.advance(300);
      assert.deepEqual(statusesTo(client), [200]);
    }
    assert.equal(other.requests.length, 4);
    await stage.close();
    await other.close();
  });

  it("Q04 clients that do not read hold 256 KiB each, however much there is", async () => {
    const count = 40;
    const body = "x".repeat(MIB);
    const stage = await stageWith({ kernelBytesMax: 8 * KIB, script: { onRequest: () => ok(body) } });
    const clients = Array.from({ length: count }, () => {
      const client = stage.client();
      client.stopReading();
      client.send(GET);
      return client;
    });
    stage.sim.advance(5_000);
    let sent = 0;
    for (const { peer } of stage.origin.links) sent += body.length - (peer.socket?.queuedBytes ?? 0);
    assert.equal(stage.origin.links.length, count);
    assert.ok(sent <= count * 256 * KIB, `${Math.round(sent / count)} bytes each`);
    for (const client of clients) client.reset();
    await stage.close();
  });

  it("Q05 copies for second tries stop at a common bound; beyond it bodies are streamed all the same", async () => {
    const stage = await stageWith({ limits: { replayTotal: 256 * KIB }, script: SILENT });
    const { replayBudget } = stage.engine;
    const clients = Array.from({ length: 10 }, () => stage.ask(put(60 * KIB)));
    assert.ok(replayBudget.usedBytes > 128 * KIB && replayBudget.usedBytes <= 256 * KIB, `${replayBudget.usedBytes}`);
    assert.equal(stage.origin.requests.length, 10, "all went through");
    for (const { peer } of stage.origin.links) peer.send(OK);
    stage.sim.drive();
    assert.deepEqual(
      clients.flatMap((client) => statusesTo(client)),
      Array(10).fill(200),
    );
    assert.equal(replayBudget.usedBytes, 0);
    await stage.close();
  });

  it("Q05 however a request ends, its share of the memory is given back", async () => {
    const stage = await stageWith({ script: SILENT, timeouts: { firstByte: "5s" } });
    const { replayBudget } = stage.engine;
    const [late, , broken] = [stage.ask(put(1_000)), stage.ask(put(1_000).slice(0, -1)), stage.ask(put(1_000))];
    const large = stage.ask(put(70_000));
    assert.ok(replayBudget.usedBytes > 0);
    broken.reset();
    stage.sim.advance(61_000);
    assert.deepEqual(statusesTo(late), [504]);
    assert.deepEqual(statusesTo(large), [504]);
    assert.equal(replayBudget.usedBytes, 0);
    await stage.close();
  });

  it("Q13 tight memory costs keep-alive, then requests, then connections, and it recovers", async () => {
    let load: number | null = null;
    const stage = await stageWith({ memoryLoad: () => load, capabilities: { acceptPause: true }, script: SILENT });
    const now = (share: number): void => {
      load = share;
      stage.sim.advance(3_200);
    };
    const answer = (): void => {
      for (const { peer } of stage.origin.links) peer.send(OK);
      stage.sim.drive();
    };
    const kept = stage.ask(GET);
    answer();
    assert.match(kept.text(), /^HTTP\/1\.1 200 OK\r\n(?!Connection: close)/);
    stage.script = {};
    now(0.9);
    assert.match(stage.ask(GET).text(), /\r\nConnection: close\r\n/);
    now(0.93);
    stage.script = SILENT;
    const many = Array.from({ length: 70 }, () => stage.ask(GET));
    assert.equal(many.flatMap((client) => statusesTo(client)).filter((status) => status === 503).length, 6);
    now(0.97);
    const waiting = stage.ask(GET);
    assert.ok(isOpen(waiting));
    assert.deepEqual(statusesTo(waiting), [], "it waits to be accepted");
    // Not everybody is sent away, though memory may never be given back: 64 at a time are served.
    stage.script = {};
    answer();
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(waiting), [200]);
    now(0.3);
    const more = Array.from({ length: 100 }, () => stage.ask(GET));
    assert.deepEqual(
      more.flatMap((client) => statusesTo(client)),
      Array(100).fill(200),
    );
    assert.doesNotMatch(more[99]!.text(), /Connection: close/);
    assert.deepEqual(
      stage.notices.flatMap((notice) => (notice.kind === "memory" ? [notice.step] : [])),
      [1, 2, 3, 0],
    );
    const paused = stage.notices.filter(({ kind }) => kind === "accept-paused");
    assert.ok(paused.length > 0);
    assert.deepEqual(paused[0], { kind: "accept-paused", listener: LISTEN, limit: 64, by: "memory" });
    await stage.close();
  });

  it("Q14 a duration that a timer would take for at once is refused", () => {
    const wrong: unknown[] = ["0s", "0ms", "0.1ms", "-1s", "2147483648ms", "25d", "NaN", "Infinity", "1e3s"];
    wrong.push(0, -1, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, null, true);
    for (const [name, standard] of Object.entries(DEFAULT_TIMEOUTS)) {
      const key = name.replace(/Ms$/, "");
      for (const value of wrong) {
        // No timer is set where the default is none.
        if (standard === 0 && /^0/.test(String(value))) continue;
        const config = { listeners: [LISTEN], routes: [{ respond: { body: "" } }], timeouts: { [key]: value } };
        const compiled = compileConfig(config as unknown as Config);
        assert.ok("problems" in compiled, `timeouts.${key}: ${value}`);
        assert.deepEqual(compiled.problems[0]?.path, ["timeouts", key]);
      }
      const config = { listeners: [LISTEN], routes: [{ respond: { body: "" } }], timeouts: { [key]: "2147483647ms" } };
      assert.ok(!("problems" in compileConfig(config as unknown as Config)), `timeouts.${key}: the longest`);
    }
  });

  it("A31 what is too much is refused at once, and the rest gets its answers", async () => {
    const stage = await stageWith({ limits: { inFlight: 50 }, script: SILENT });
    const waiting: Stage["origin"]["links"][number]["peer"][] = [];
    // A server that does a hundred requests a second, asked three hundred times a second, by clients that do not wait.
    stage.script = {
      onRequest(_request, { peer }) {
        waiting.push(peer);
        return null;
      },
    };
    const rounds = 200;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 3; i++) stage.ask(GET);
      stage.sim.advance(10);
      waiting.shift()?.send(OK);
    }
    const served = stage.exchanges.filter(({ status }) => status === 200);
    const refused = stage.exchanges.filter(({ status }) => status === 503);
    assert.ok(served.length >= 0.9 * rounds, `${served.length} of ${rounds} were served`);
    assert.equal(served.length + refused.length + stage.engine.inFlight.count, 3 * rounds);
    for (const { durationMs, fault } of refused) {
      assert.equal(fault, "internal.overloaded");
      assert.ok(durationMs < 20, `refused after ${durationMs} ms`);
    }
    stage.script = {};
    for (const peer of waiting) peer.send(OK);
    stage.sim.advance(100);
    assert.deepEqual(statusesTo(stage.ask(GET)), [200], "and it is over when it is over");
    await stage.close();
  });
});
