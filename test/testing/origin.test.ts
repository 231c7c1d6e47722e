import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createOrigin } from "../../testing/origin.ts";
import { createSimulation } from "../../testing/sim.ts";
import { addressOf } from "../../testing/wire.ts";

const ADDRESS = addressOf("127.0.0.1:81");

describe("createOrigin", () => {
  it("answers each request with what it saw, cut in any way", async () => {
    const sim = createSimulation({ seed: 1 });
    const origin = await createOrigin(sim.outside(), ADDRESS);
    for (const segments of [{ kind: "whole" }, { kind: "bytes" }] as const) {
      origin.clear();
      const client = sim.connect(ADDRESS, { segments });
      client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
      sim.drive();
      assert.deepEqual(
        origin.requests.map(({ target }) => target),
        ["/a", "/b"],
      );
      assert.match(client.text(), /"target":"\/a","bodyBytes":0\}HTTP\/1\.1 200 OK.*"target":"\/b","bodyBytes":2\}$/s);
      assert.deepEqual(origin.errors(), []);
    }
  });

  it("reports bytes that are no HTTP and keeps them", async () => {
    const sim = createSimulation({ seed: 1 });
    const origin = await createOrigin(sim.outside(), ADDRESS);
    const client = sim.connect(ADDRESS);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nBad\r\n\r\n");
    sim.drive();
    assert.deepEqual(origin.errors(), ['connection 1: field line "Bad"']);
    assert.match(origin.links[0]?.raw ?? "", /Bad/);
    assert.equal(client.text(), "");
  });

  it("lets the script answer at the head, and take over for a tunnel", async () => {
    const sim = createSimulation({ seed: 1 });
    const tunnelled: string[] = [];
    const origin = await createOrigin(sim.outside(), ADDRESS, {
      onHead: (_head, link) => link.peer.send("early"),
      onRequest(_request, link) {
        link.becomeTunnel();
        return "switched";
      },
      onTunnel: (text) => void tunnelled.push(text),
    });
    const client = sim.connect(ADDRESS);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
    sim.drive();
    assert.equal(client.text(), "early");
    client.send("bc");
    sim.drive();
    client.send("\x81\x00");
    sim.drive();
    assert.equal(client.text(), "earlyswitched");
    assert.deepEqual(tunnelled, ["\x81\x00"]);
    assert.equal(origin.requests.length, 1);
  });
});
