import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { OriginLink } from "../../testing/origin.ts";
import type { Peer } from "../../testing/peer.ts";
import type { SimulationOptions } from "../../testing/sim.ts";
import { assertHealthy, statusesOf, strike, WHOLE } from "./scene.ts";
import { type SimulatedStage, simulate } from "./stage.ts";

const HANDSHAKE = [
  "GET /chat HTTP/1.1",
  "Host: a",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

interface Tunnel {
  readonly stage: SimulatedStage;
  readonly client: Peer;
  readonly upstream: OriginLink;
  /** What came through to the client, the 101 taken off. */
  received(): string;
  readonly arrived: string[];
}

async function openTunnel(options: Partial<SimulationOptions> = {}, glued = ""): Promise<Tunnel> {
  const stage = await simulate("plain", options);
  const arrived: string[] = [];
  let upstream: OriginLink | null = null;
  stage.script = {
    onRequest(_request, link) {
      upstream = link;
      link.becomeTunnel();
      return SWITCHED + glued;
    },
    onTunnel: (text) => void arrived.push(text),
  };
  const client = stage.connect(WHOLE);
  client.send(HANDSHAKE);
  stage.sim.drive();
  assert.match(client.text(), /^HTTP\/1\.1 101 [^\r\n]*\r\n/);
  assert.ok(upstream);
  const received = (): string => client.text().slice(client.text().indexOf("\r\n\r\n") + 4);
  return { stage, client, upstream, received, arrived };
}

describe("tunnels", () => {
  it("W08 bytes glued to the 101 arrive exactly once, in order", async () => {
    for (const segments of [undefined, { kind: "bytes" }, { kind: "random", bytesMax: 7 }] as const) {
      const tunnel = await openTunnel(segments ? { segments } : {}, "first bytes, ");
      tunnel.upstream.peer.send("second bytes");
      tunnel.client.send("from the client");
      tunnel.stage.sim.drive();
      assert.equal(tunnel.received(), "first bytes, second bytes");
      assert.equal(tunnel.arrived.join(""), "from the client");
      await assertHealthy(tunnel.stage);
      await strike(tunnel.stage, tunnel.client, tunnel.upstream.peer);
    }
  });

  it("W05 half-closed by the client, the other direction goes on", async () => {
    const { stage, client, upstream, received, arrived } = await openTunnel();
    upstream.peer.keepsHalfOpen = true;
    client.send("last words");
    client.end();
    stage.sim.drive();
    assert.equal(arrived.join(""), "last words");
    assert.equal(upstream.peer.closed, "end");
    assert.equal(client.closed, null);
    upstream.peer.send("an answer");
    stage.sim.drive();
    assert.equal(received(), "an answer");
    upstream.peer.end();
    stage.sim.drive();
    assert.equal(client.closed, "end");
    await assertHealthy(stage);
    await strike(stage, client);
  });

  it("W05 half-closed by the upstream, the client still sends", async () => {
    const { stage, client, upstream, received, arrived } = await openTunnel();
    upstream.peer.send("bye");
    upstream.peer.end();
    stage.sim.drive();
    assert.equal(received(), "bye");
    assert.equal(client.closed, "end");
    client.send("still here");
    stage.sim.drive();
    assert.equal(arrived.join(""), "still here");
    client.end();
    stage.sim.drive();
    assert.ok(client.isGone);
    await assertHealthy(stage);
    await strike(stage);
  });

  for (const side of ["client", "upstream"] as const) {
    it(`W05 a reset by the ${side} ends the other side within a second`, async () => {
      const { stage, client, upstream } = await openTunnel();
      const [breaks, hears] = side === "client" ? [client, upstream.peer] : [upstream.peer, client];
      breaks.reset();
      stage.sim.advance(1_000);
      assert.notEqual(hears.closed, null);
      await assertHealthy(stage);
      await strike(stage, client);
    });
  }

  it("W04 a fast upstream waits for a slow client", async () => {
    const { stage, client, upstream, received } = await openTunnel();
    client.readSlowly(100_000);
    const piece = "x".repeat(64_000);
    for (let i = 0; i < 100; i++) upstream.peer.send(piece);
    stage.sim.drive();
    const held = upstream.peer.socket?.queuedBytes ?? 0;
    // Two kernel buffers per connection and the proxy's own queue: the rest has not left the upstream.
    assert.ok(held > 6_400_000 - 700_000, `${held} bytes still wait at the upstream`);
    stage.sim.advance(10_000);
    assert.ok(
      received().length > 800_000 && received().length < 1_400_000,
      `${received().length} bytes in ten seconds`,
    );
    client.readOn();
    stage.sim.drive();
    assert.equal(received().length, 6_400_000);
    await strike(stage, client, upstream.peer);
  });

  it("W04 a fast client waits for a slow upstream", async () => {
    const { stage, client, upstream, arrived } = await openTunnel();
    upstream.peer.readSlowly(100_000);
    const piece = "x".repeat(64_000);
    for (let i = 0; i < 100; i++) client.send(piece);
    stage.sim.drive();
    const held = client.socket?.queuedBytes ?? 0;
    assert.ok(held > 6_400_000 - 700_000, `${held} bytes still wait at the client`);
    upstream.peer.readOn();
    stage.sim.drive();
    assert.equal(arrived.join("").length, 6_400_000);
    await strike(stage, client, upstream.peer);
  });

  it("W06 a tunnel lives while either side moves, and ends after an idle hour", async () => {
    const { stage, client, upstream } = await openTunnel();
    for (let i = 0; i < 3; i++) {
      stage.sim.advance(3_500_000);
      (i % 2 === 0 ? client : upstream.peer).send("ping");
      stage.sim.drive();
      assert.equal(client.closed, null, `alive after ${i + 1} times 58 minutes`);
    }
    stage.sim.advance(3_590_000);
    assert.equal(client.closed, null);
    stage.sim.advance(60_000);
    stage.sim.drive();
    assert.notEqual(client.closed, null, "gone after the hour");
    assert.notEqual(upstream.peer.closed, null);
    await strike(stage, client, upstream.peer);
  });

  it("W06 a tunnel is cut at the drain's deadline, not before", async () => {
    const { stage, client, upstream } = await openTunnel();
    const drained = stage.proxy.drain(5_000);
    await stage.sim.settle();
    stage.sim.advance(4_000);
    client.send("ping");
    stage.sim.drive();
    assert.equal(client.closed, null, "alive until the deadline");
    stage.sim.advance(1_200);
    await stage.sim.settle();
    assert.notEqual(client.closed, null, "cut at the deadline");
    assert.notEqual(upstream.peer.closed, null);
    await stage.sim.until(drained, 1_000);
    await strike(stage, client, upstream.peer);
  });

  it("W07 a thousand idle tunnels are counted and cleaned up", async () => {
    const stage = await simulate("plain");
    stage.script = {
      onRequest(_request, link) {
        link.becomeTunnel();
        return SWITCHED;
      },
    };
    const clients = Array.from({ length: 1_000 }, () => {
      const client = stage.connect(WHOLE);
      client.send(HANDSHAKE);
      return client;
    });
    stage.sim.drive();
    assert.equal(stage.proxy.connectionCount, 1_000);
    assert.ok(clients.every((client) => client.text().startsWith("HTTP/1.1 101 ")));
    for (const client of clients) client.end();
    stage.sim.drive();
    assert.equal(stage.proxy.connectionCount, 0);
    stage.script = {};
    await assertHealthy(stage);
    await strike(stage);
  });

  it("U14 a tunnel's upstream connection is never used again", async () => {
    const { stage, client, upstream } = await openTunnel();
    client.end();
    upstream.peer.end();
    stage.sim.drive();
    assert.ok(upstream.peer.isGone, "closed, not pooled");
    stage.script = {};
    await assertHealthy(stage);
    assert.equal(upstream.requests.length, 1);
    assert.deepEqual(statusesOf(client), []);
    await strike(stage, client);
  });
});
