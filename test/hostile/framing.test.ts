import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { printable } from "../../testing/wire.ts";
import { assertHealthy, finalsOf, forwardedTo, strike, WHOLE } from "./scene.ts";
import { simulate } from "./stage.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/** Every way to put one odd byte, or a pair of them, where parsers differ. */
function mutations(): string[] {
  const bytes: number[] = [];
  for (let byte = 0x01; byte <= 0x20; byte++) bytes.push(byte);
  for (let byte = 0x7f; byte <= 0xff; byte++) bytes.push(byte);
  const places: ((odd: string) => string)[] = [
    (odd) => `${odd}Transfer-Encoding: chunked\r\n`,
    (odd) => `Transfer-Encoding${odd}: chunked\r\n`,
    (odd) => `Transfer-Encoding:${odd}chunked\r\n`,
    (odd) => `Transfer-Encoding: ${odd}chunked\r\n`,
    (odd) => `Transfer-Encoding: chunked${odd}\r\n`,
    (odd) => `Transfer-Encoding: chunked\r${odd}\n`,
    (odd) => `X: y${odd}\r\nTransfer-Encoding: chunked\r\n`,
    (odd) => `X: y\r${odd}\nTransfer-Encoding: chunked\r\n`,
    (odd) => `X: y\r\n${odd}Transfer-Encoding: chunked\r\n`,
    (odd) => `Transfer-Encoding: ${odd}chunked${odd}\r\n`,
    (odd) => `${odd}Transfer-Encoding${odd}: chunked\r\n`,
    (odd) => `Transfer-Encoding${odd}:${odd}chunked\r\n`,
  ];
  const all = bytes.flatMap((byte) => places.map((place) => place(String.fromCharCode(byte))));
  return [...new Set(all)];
}

/** Two lengths, of which one reader takes the first, another the second. */
const BODIES: Readonly<Record<string, (line: string) => string>> = {
  "CL.TE": (line) => {
    const body = `0\r\n\r\n${SMUGGLED}`;
    return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${line}\r\n${body}`;
  },
  "TE.CL": (line) => {
    const chunk = `${SMUGGLED.length.toString(16)}\r\n`;
    return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${chunk.length}\r\n${line}\r\n${chunk}${SMUGGLED}\r\n0\r\n\r\n`;
  },
};

describe("framing fields with odd bytes", () => {
  it("F12 makes at least 1,768 of them", () => {
    assert.ok(mutations().length >= 1_768, `${mutations().length}`);
  });

  for (const [kind, attack] of Object.entries(BODIES)) {
    it(`F12 each is refused, or one message upstream: ${kind}`, async () => {
      const stage = await simulate("plain");
      let refused = 0;
      for (const line of mutations()) {
        stage.origin.clear();
        const client = stage.connect(WHOLE);
        client.send(attack(line));
        stage.sim.drive();
        const [first] = finalsOf(client);
        const seen = forwardedTo(stage);
        const isRefused = first !== undefined && first.status >= 400 && first.status <= 505;
        if (isRefused) {
          refused++;
          assert.equal(client.closed, "end", printable(line));
          assert.ok(
            stage.origin.links.every(({ raw }) => raw === ""),
            `bytes went upstream: ${printable(line)}`,
          );
        } else assert.equal(seen.length, 1, `messages upstream: ${printable(line)}`);
        assert.ok(!seen.some(({ target }) => target === "/smuggled"), printable(line));
        client.destroy();
        stage.sim.drive();
      }
      assert.ok(refused > 1_000, `most are refused: ${refused}`);
      await assertHealthy(stage);
      await strike(stage);
    });
  }
});
