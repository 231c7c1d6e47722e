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
    stage = await stageWith({ script: HANGS, timeouts });
    const client = stage.ask(EXPECTS);
    stage.after(2_000, () => statusesTo(client).length > 0);
    assert.deepEqual(statusesTo(client), [504]);
    assert.equal(stage.exchanges[0]?.fault, "upstream.first-byte-timeout");
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
