import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { ClientSide } from "../../../core/exchange/client-side.ts";
import type { ClientConnection } from "../../../core/h1/client.ts";
import type { ServerConnection } from "../../../core/h1/server.ts";
import { FieldLine } from "../../../core/http/outgoing.ts";
import type { Address, TlsInfo } from "../../../core/runtime.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { bytesOfText, textOfBytes } from "../../../testing/wire.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";

function sideOf(peer: Address, tls: TlsInfo | null = null): ClientSide {
  const socket = Object.assign(new RecordingSocket(), { peer, tls });
  return new ClientSide({} as ServerConnection, socket, "main");
}

const tcp = (host: string): Address => ({ kind: "tcp", host, port: 5 });
const lineOf = ({ bytes }: { readonly bytes: Uint8Array }): string => textOfBytes(bytes);

describe("what is known of a client", () => {
  for (const [peer, address] of [
    [tcp("192.0.2.1"), "192.0.2.1"],
    [tcp("2001:db8::1"), "2001:db8::1"],
    [tcp("::ffff:192.0.2.1"), "192.0.2.1"],
    [tcp("::ffff:0:1"), "::ffff:0:1"],
    [tcp("fe80::1%eth0"), "fe80::1"],
    [{ kind: "unix", path: "" }, "unix"],
  ] as const) {
    it(`its address: ${JSON.stringify(peer)}`, () => {
      const side = sideOf(peer);
      assert.equal(side.address, address);
      assert.equal(lineOf(side.forwardedFor), `X-Forwarded-For: ${address}\r\n`);
      assert.equal(lineOf(side.realIp), `X-Real-IP: ${address}\r\n`);
      assert.equal(side.port, peer.kind === "tcp" ? 5 : 0);
      assert.equal(side.listener, "main");
    });
  }

  it("its scheme", () => {
    assert.equal(lineOf(sideOf(tcp("192.0.2.1")).forwardedProto), "X-Forwarded-Proto: http\r\n");
    const tls = {
      alpn: "",
      serverName: null,
      protocol: "TLSv1.3",
      cipher: "",
      peerCertificate: null,
      authorized: false,
    };
    assert.equal(lineOf(sideOf(tcp("192.0.2.1"), tls).forwardedProto), "X-Forwarded-Proto: https\r\n");
  });

  it("the host it asked for, made once as long as it stays the same", () => {
    const side = sideOf(tcp("192.0.2.1"));
    const hosts = bytesOfText("example.com,example.org,a");
    const first = side.forwardedHost(hosts, 0, 11);
    assert.equal(lineOf(first), "X-Forwarded-Host: example.com\r\n");
    assert.equal(side.forwardedHost(bytesOfText("example.com"), 0, 11), first);
    assert.equal(lineOf(side.forwardedHost(hosts, 12, 23)), "X-Forwarded-Host: example.org\r\n");
    assert.equal(lineOf(side.forwardedHost(hosts, 24, 25)), "X-Forwarded-Host: a\r\n");
  });
});

describe("what is said of a client in one block", () => {
  const via = new FieldLine("Via", "1.1 a");
  const hosts = bytesOfText("example.com,example.org,a");
  const ours = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 192.0.2.1\r\n";

  it("is made once as long as host and `via` stay the same", () => {
    const side = sideOf(tcp("192.0.2.1"));
    const first = side.forwardedBlock(hosts, 0, 11, via);
    assert.equal(lineOf(first), `${ours}X-Forwarded-Host: example.com\r\nVia: 1.1 a\r\n`);
    assert.equal(side.forwardedBlock(bytesOfText("> example.com"), 2, 13, via), first);
    assert.equal(lineOf(side.forwardedBlock(hosts, 0, 11, null)), `${ours}X-Forwarded-Host: example.com\r\n`);
    assert.equal(lineOf(side.forwardedBlock(hosts, 12, 23, null)), `${ours}X-Forwarded-Host: example.org\r\n`);
    assert.equal(lineOf(side.forwardedBlock(hosts, 12, 22, null)), `${ours}X-Forwarded-Host: example.or\r\n`);
    assert.equal(
      lineOf(side.forwardedBlock(hosts, 12, 23, via)),
      `${ours}X-Forwarded-Host: example.org\r\nVia: 1.1 a\r\n`,
    );
  });

  it("names no host where there is none", () => {
    const side = sideOf(tcp("192.0.2.1"));
    const first = side.forwardedBlock(hosts, 3, 3, null);
    assert.equal(lineOf(first), ours);
    assert.equal(side.forwardedBlock(hosts, 0, 0, null), first);
    assert.equal(lineOf(side.forwardedBlock(hosts, 24, 25, null)), `${ours}X-Forwarded-Host: a\r\n`);
  });
});

describe("a connection bound to a client", () => {
  const here = {} as Endpoint;
  const elsewhere = {} as Endpoint;
  const connection = () => ({
    isClosed: false,
    close() {
      this.isClosed = true;
    },
  });

  function bind(): { side: ClientSide; bound: ReturnType<typeof connection> } {
    const side = sideOf(tcp("192.0.2.1"));
    const bound = connection();
    side.bind(bound as unknown as ClientConnection, here);
    return { side, bound };
  }

  it("is taken once, by requests to its server", () => {
    const { side, bound } = bind();
    assert.equal(side.takeBound(here), bound);
    assert.equal(side.takeBound(here), null);
    assert.equal(bound.isClosed, false);
  });

  it("is closed when the client turns to another server", () => {
    const { side, bound } = bind();
    assert.equal(side.takeBound(elsewhere), null);
    assert.equal(bound.isClosed, true);
    assert.equal(side.takeBound(here), null);
  });

  it("is forgotten when it was closed meanwhile", () => {
    const { side, bound } = bind();
    bound.isClosed = true;
    assert.equal(side.takeBound(here), null);
    bound.isClosed = false;
    assert.equal(side.takeBound(here), null);
  });

  it("goes with the client", () => {
    const { side, bound } = bind();
    side.closeBound();
    side.closeBound();
    assert.equal(bound.isClosed, true);
  });
});
