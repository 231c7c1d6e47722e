import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { DEFAULT_TIMEOUTS, HIGH_WATER_BYTES } from "../../core/limits.ts";
import {
  assertSettled,
  OK,
  type Peer,
  patternOf,
  type Stage,
  type StageOptions,
  stageWith,
  statusesTo,
} from "./stage.ts";

/** After 101 the bytes are nobody's business: in order, both ways, each way with its own end (group W). */

let stage: Stage;
afterEach(() => stage.close());

const ASK = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
const KERNEL_BYTES = 64 * 1024;
const HELD_MAX = 3 * KERNEL_BYTES + HIGH_WATER_BYTES;

const codes = (): string[] => stage.exchanges.map(({ fault }) => fault);

async function tunnel(options: StageOptions = {}): Promise<{ client: Peer; upstream: Peer; heard: () => string }> {
  let heard = "";
  stage = await stageWith({
    upstream: { keepsHalfOpen: true },
    ...options,
    script: {
      onRequest(_request, link) {
        link.becomeTunnel();
        return SWITCH;
      },
      onTunnel: (text) => void (heard += text),
    },
  });
  const client = stage.ask(ASK, { keepsHalfOpen: true });
  const upstream = stage.origin.links[0]?.peer;
  assert.ok(upstream);
  assert.match(client.text(), /^HTTP\/1.1 101 [\s\S]*\r\n\r\n$/);
  return { client, upstream, heard: () => heard };
}

const said = (client: Peer): string => client.text().split("\r\n\r\n").slice(1).join("\r\n\r\n");

describe("a tunnel", () => {
  it("carries what was glued to either head, first", async () => {
    let heard = "";
    stage = await stageWith({
      script: {
        onRequest(_request, link) {
          link.becomeTunnel();
          return `${SWITCH}down0`;
        },
        onTunnel: (text) => void (heard += text),
      },
    });
    const client = stage.ask(`${ASK}up0`);
    client.send("up1");
    stage.origin.links[0]?.peer.send("down1");
    stage.sim.drive();
    assert.equal(heard, "up0up1");
    assert.equal(said(client), "down0down1");
  });

  it("is logged with what went each way", async () => {
    const { client, upstream } = await tunnel();
    client.send("up");
    upstream.send("down");
    stage.sim.drive();
    client.send("up again");
    client.end();
    upstream.end();
    stage.sim.drive();
    const [{ requestBytes, responseBytes } = { requestBytes: 0, responseBytes: 0 }] = stage.exchanges;
    assert.deepEqual([requestBytes, responseBytes], [10, 4]);
  });

  it("carries what comes while the upstream thinks it over", async () => {
    let heard = "";
    stage = await stageWith({ script: { onRequest: () => null, onTunnel: (text) => void (heard += text) } });
    const client = stage.ask(`${ASK}a`);
    client.send("b");
    stage.sim.drive();
    client.send("c".repeat(200_000));
    stage.sim.drive();
    const [link] = stage.origin.links;
    assert.equal(link?.rest, "");
    link?.becomeTunnel();
    link?.peer.send(SWITCH);
    stage.sim.drive();
    assert.equal(heard, `ab${"c".repeat(200_000)}`);
  });

  it("carries a byte at a time", async () => {
    const { client, upstream, heard } = await tunnel({
      segments: { kind: "bytes" },
      upstream: { keepsHalfOpen: true, segments: { kind: "bytes" } },
    });
    client.send(patternOf(2_000));
    upstream.send(patternOf(3_000));
    stage.sim.drive();
    assert.equal(heard(), patternOf(2_000));
    assert.equal(said(client), patternOf(3_000));
  });

  it("is not offered to other requests", async () => {
    await tunnel();
    assert.equal(stage.endpoint.connections.idleCount, 0);
    assert.equal(stage.endpoint.inFlight, 1);
    const other = stage.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    assert.equal(stage.origin.links.length, 2);
    other.reset();
  });

  for (const first of ["client", "upstream"] as const) {
    it(`ends when both have ended; the ${first} first, and the other goes on after that`, async () => {
      const { client, upstream, heard } = await tunnel();
      if (first === "client") {
        client.send("last");
        client.end();
        stage.sim.drive();
        assert.equal(heard(), "last");
        assert.equal(upstream.closed, "end");
        assert.equal(client.closed, null);
        upstream.send(patternOf(300_000));
        stage.sim.advance(100_000);
        assert.equal(said(client), patternOf(300_000));
        upstream.end();
      } else {
        upstream.send("last");
        upstream.end();
        stage.sim.drive();
        assert.equal(said(client), "last");
        assert.equal(client.closed, "end");
        assert.equal(upstream.closed, null);
        client.send(patternOf(300_000));
        stage.sim.advance(100_000);
        assert.equal(heard(), patternOf(300_000));
        client.end();
      }
      stage.sim.drive();
      assert.deepEqual(codes(), [""]);
      assert.ok(client.isGone && upstream.isGone);
      assertSettled(stage);
    });
  }

  it("ends when both end at the same time", async () => {
    const { client, upstream } = await tunnel();
    client.end();
    upstream.end();
    stage.sim.drive();
    assert.deepEqual(codes(), [""]);
    assertSettled(stage);
  });

  it("that the client ended before the switch is half-closed from the start", async () => {
    stage = await stageWith({ upstream: { keepsHalfOpen: true }, script: { onRequest: () => null } });
    const client = stage.ask(ASK, { keepsHalfOpen: true });
    client.end();
    stage.sim.drive();
    const [link] = stage.origin.links;
    link?.becomeTunnel();
    link?.peer.send(`${SWITCH}hello`);
    stage.sim.drive();
    assert.equal(link?.peer.closed, "end");
    stage.sim.advance(2 * DEFAULT_TIMEOUTS.halfClosedMs); // its time is that of tunnels now
    link?.peer.send("!");
    stage.sim.drive();
    assert.equal(said(client), "hello!");
    link?.peer.end();
    stage.sim.drive();
    assert.deepEqual(codes(), [""]);
    assertSettled(stage);
  });

  it("resets the upstream when the client resets", async () => {
    const { client, upstream } = await tunnel();
    client.reset();
    stage.sim.drive();
    assert.equal(upstream.closed, "reset");
    assert.deepEqual(codes(), ["client.reset"]);
    assertSettled(stage);
  });

  it("resets the client when the upstream resets", async () => {
    const { client, upstream } = await tunnel();
    upstream.reset();
    stage.sim.drive();
    assert.equal(client.closed, "reset");
    assert.equal(codes().length, 1);
    assertSettled(stage);
  });

  for (const eagerWrites of [true, false]) {
    it(`holds each side back when the other does not read${eagerWrites ? "" : ", with writes that end later"}`, async () => {
      const { client, upstream, heard } = await tunnel({ eagerWrites });
      client.stopReading();
      upstream.stopReading();
      client.send(patternOf(2_000_000));
      upstream.send(patternOf(2_000_000));
      stage.sim.advance(1_000);
      for (const end of [client, upstream]) {
        const held = 2_000_000 - (end.socket?.queuedBytes ?? 0);
        assert.ok(held <= HELD_MAX, `${held} bytes are held`);
      }
      client.readOn();
      upstream.readOn();
      stage.sim.advance(5_000);
      assert.equal(heard(), patternOf(2_000_000));
      assert.equal(said(client), patternOf(2_000_000));
    });
  }

  it("is cut after an hour in which neither side moved", async () => {
    const { client, upstream } = await tunnel();
    stage.after(3_600_000, () => client.closed !== null);
    assert.deepEqual(codes(), ["client.tunnel-idle"]);
    // Neither side has ended what it had to say.
    assert.deepEqual([client.closed, upstream.closed], ["reset", "reset"]);
    assertSettled(stage);
  });

  for (const side of ["client", "upstream"] as const) {
    it(`lives on while only the ${side} speaks`, async () => {
      const { client, upstream } = await tunnel({ timeouts: { tunnelIdle: "10s" } });
      for (let i = 0; i < 10; i++) {
        stage.sim.advance(9_800);
        (side === "client" ? client : upstream).send("x");
      }
      assert.equal(client.closed, null);
      stage.after(10_000, () => client.closed !== null);
    });
  }

  it("is idle for the time of its route", async () => {
    const { client } = await tunnel({ routes: [{ upstream: "app", timeouts: { tunnelIdle: "5s" } }] });
    stage.after(5_000, () => client.closed !== null);
  });

  it("knows no minimum rate", async () => {
    const { client, upstream } = await tunnel();
    client.stopReading();
    upstream.send(patternOf(1_000_000));
    stage.sim.advance(1_000_000);
    assert.equal(client.closed, null);
    client.readOn();
    stage.sim.advance(1_000);
    assert.equal(said(client), patternOf(1_000_000));
  });

  it("of a client that never reads again is idle, too", async () => {
    const { client, upstream } = await tunnel({ timeouts: { tunnelIdle: "20s" } });
    client.stopReading();
    upstream.send(patternOf(1_000_000));
    stage.sim.advance(30_000);
    assert.deepEqual(codes(), ["client.tunnel-idle"]);
    assertSettled(stage);
  });

  it("is not opened when nobody asked, or for other bytes than the request's", async () => {
    stage = await stageWith({ script: { onRequest: () => SWITCH } });
    const client = stage.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.deepEqual(statusesTo(client), [502]);
    assert.deepEqual(codes(), ["upstream.unexpected-upgrade"]);
  });

  it("is refused by an ordinary response, whose connection is not used again", async () => {
    stage = await stageWith({ script: { onRequest: () => OK } });
    const client = stage.ask(ASK);
    assert.deepEqual(statusesTo(client), [200]);
    assert.equal(stage.endpoint.connections.count, 0);
    client.send(ASK);
    stage.sim.drive();
    assert.deepEqual(statusesTo(client), [200, 200]);
  });

  it("is not for routes that allow none", async () => {
    stage = await stageWith({ routes: [{ upstream: "app", upgrade: false }], script: { onRequest: () => OK } });
    stage.ask(ASK);
    assert.doesNotMatch(stage.origin.links[0]?.raw ?? "", /upgrade/i);
  });
});
