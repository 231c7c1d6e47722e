import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { HANGS } from "./several.ts";
import { OK, type Stage, stageWith, statusesTo } from "./stage.ts";

/** Servers that answer before the request is complete, or never say that it may go on. */

let stage: Stage;
afterEach(() => stage.close());

const UPLOAD = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n";

describe("a response that begins before the upload is complete", () => {
  it("announces that the connection will not be used again", async () => {
    stage = await stageWith({ script: { onHead: (_head, link) => link.peer.send(OK) } });
    const client = stage.ask(`${UPLOAD}\r\nhalf`);
    assert.deepEqual(statusesTo(client), [200]);
    assert.match(client.text(), /\r\nConnection: close\r\n/);
  });

  it("is passed on whole, though the client stops sending (RFC 9112 section 9.5)", async () => {
    const half = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\nhalf";
    stage = await stageWith({
      script: { onHead: (_head, link) => link.peer.send(half) },
      timeouts: { requestBodyIdle: "1s" },
    });
    for (const sent of [`${UPLOAD}\r\nhalf`, `${UPLOAD}Expect: 100-continue\r\n\r\n`]) {
      const client = stage.ask(sent);
      stage.sim.advance(15_000);
      stage.origin.links.at(-1)!.peer.send("more");
      stage.sim.drive();
      assert.match(client.text(), /\r\n\r\nhalfmore$/);
    }
  });

  it("behind it says nothing of the kind", async () => {
    stage = await stageWith();
    const client = stage.ask(`${UPLOAD}\r\n${"x".repeat(100)}`);
    assert.deepEqual(statusesTo(client), [200]);
    assert.doesNotMatch(client.text(), /Connection/);
  });
});

describe("a client that waits for 100", () => {
  const EXPECTS = `${UPLOAD}Expect: 100-continue\r\n\r\n`;
  const timeouts = { requestBodyIdle: "2s" };

  it("is told that the server is late, not that it is late itself", async () => {
    stage = await stageWith({ script: HANGS, timeouts: { firstByte: "4s", requestBodyIdle: "1s" } });
    const client = stage.ask(EXPECTS);
    stage.after(4_000, () => statusesTo(client).length > 0);
    assert.deepEqual(statusesTo(client), [504]);
    assert.equal(stage.exchanges[0]?.fault, "upstream.first-byte-timeout");
  });

  it("may wait longer for the server than a body may stand still", async () => {
    stage = await stageWith({ script: HANGS, timeouts: { requestBodyIdle: "1s" } });
    const client = stage.ask(EXPECTS);
    stage.sim.advance(3_000);
    assert.deepEqual(statusesTo(client), []);
    stage.origin.links[0]!.peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    stage.sim.drive();
    assert.match(client.text(), /^HTTP\/1\.1 100 Continue\r\n/);
  });

  for (const [what, sent] of [
    ["does not wait, but stops", "half"],
    ["was let on", ""],
  ] as const) {
    it(`is late itself when it ${what}`, async () => {
      const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
      stage = await stageWith({ script: { onHead: (_head, link) => sent === "" && link.peer.send(goOn) }, timeouts });
      const client = stage.ask(EXPECTS + sent);
      stage.sim.advance(2_200);
      assert.deepEqual(statusesTo(client), [408]);
    });
  }
});
