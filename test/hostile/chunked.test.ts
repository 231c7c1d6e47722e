import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { assertHealthy, finalsOf, forwardedTo, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("chunked bodies that cost more than they carry", () => {
  it("C09 ten thousand chunks with long extensions are stopped at the message's budget", async () => {
    const stage = await simulate("plain");
    const client = stage.connect(WHOLE);
    client.send(HEAD);
    let sent = 0;
    for (; sent < 10_000 && client.closed === null; sent++) {
      client.send(`1;${"e".repeat(200)}\r\nx\r\n`);
      stage.sim.drive();
    }
    assert.ok(sent <= 25, `stopped after ${sent} chunks, 4 KiB of extensions`);
    assert.deepEqual(forwardedTo(stage), []);
    assert.deepEqual(
      finalsOf(client).map(({ status }) => status),
      [400],
    );
    await assertHealthy(stage);
    await strike(stage, client);
  });

  for (const segments of [WHOLE, { kind: "bytes" }] as const) {
    it(`C17 a body in chunks of one byte arrives, in fewer chunks, ${segments.kind}`, async () => {
      const stage = await simulate("plain");
      const client = stage.connect(segments);
      const bytes = segments.kind === "bytes" ? 2_000 : 200_000;
      client.send(HEAD);
      for (let sent = 0; sent < bytes; sent += 1_000) client.send("1\r\nx\r\n".repeat(1_000));
      client.send("0\r\n\r\n");
      stage.sim.drive();
      const [request] = forwardedTo(stage);
      assert.equal(request?.body.length, bytes);
      if (segments.kind === "whole") {
        assert.ok(request.chunkSizes.length <= bytes / 100, `${request.chunkSizes.length} chunks for ${bytes} bytes`);
      }
      assert.equal(finalsOf(client)[0]?.status, 200);
      await assertHealthy(stage);
      await strike(stage, client);
    });
  }
});
