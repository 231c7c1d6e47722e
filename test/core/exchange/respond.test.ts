import assert from "node:assert/strict";
import { afterEach, describe, it } from "@std/testing/bdd";
import { answerFault, answerRedirect } from "../../../core/exchange/respond.ts";
import * as fault from "../../../core/fault.ts";
import { textOfBytes } from "../../../testing/wire.ts";
import { responsesTo, type Stage, stageWith } from "../../scenario/stage.ts";
import { fieldsOf } from "../http/heads.ts";

describe("the answer to a fault", () => {
  it("is three short lines with the request's id", () => {
    const answer = answerFault(fault.CONNECT_REFUSED, "abc-1", fieldsOf("Accept: text/html"));
    assert.equal(answer.status, 502);
    assert.equal(answer.contentType, "text/plain; charset=utf-8");
    assert.equal(textOfBytes(answer.body), "502 Bad Gateway\nupstream.connect-refused\nrequest abc-1\n");
    assert.deepEqual(answer.fields, []);
  });

  it("is JSON for clients that accept it", () => {
    const answer = answerFault(fault.NO_ROUTE, "abc-2", fieldsOf("Accept: text/x, application/json"));
    assert.equal(answer.contentType, "application/json");
    assert.deepEqual(JSON.parse(textOfBytes(answer.body)), {
      status: 404,
      error: "client.no-route",
      requestId: "abc-2",
    });
  });

  it("is text when nothing of the request is known", () => {
    assert.match(textOfBytes(answerFault(fault.CLIENT_HEAD_TIMEOUT, "x", fieldsOf()).body), /^408 /);
  });

  it("says what is allowed with 405, which version a WebSocket handshake is to have, and when to come again with 503", () => {
    const refused = answerFault(fault.clientRefusal(-fault.METHOD_NOT_ALLOWED), "x", fieldsOf());
    assert.deepEqual(refused.fields, [["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]]);
    const handshake = answerFault(fault.clientRefusal(-fault.BAD_WEBSOCKET), "x", fieldsOf());
    assert.deepEqual(handshake.fields, [["Sec-WebSocket-Version", "13"]]);
    assert.deepEqual(answerFault(fault.QUEUE_FULL, "x", fieldsOf()).fields, [["Retry-After", "1"]]);
  });
});

describe("a redirect", () => {
  it("is a Location without a body", () => {
    const answer = answerRedirect(308, "/new");
    assert.deepEqual([answer.status, answer.fields, answer.body.length], [308, [["Location", "/new"]], 0]);
  });
});

describe("an answer on the wire", () => {
  let stage: Stage;
  afterEach(() => stage.close());
  const ask = (method: string) => stage.ask(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);

  it("has a date, a type and a length, and can be given again and again", async () => {
    stage = await stageWith({ routes: [{ respond: { status: 200, body: "fixed", contentType: "text/x" } }] });
    for (let i = 0; i < 3; i++) {
      const [answer] = responsesTo(ask("GET"));
      assert.equal(answer?.body, "fixed");
      assert.match(
        answer?.raw ?? "",
        /\r\nDate: Thu, 15 Jan 2026 12:00:\d\d GMT\r\nContent-Type: text\/x\r\nContent-Length: 5\r\n\r\n/,
      );
    }
    assert.equal(stage.exchanges[0]?.responseBytes, 5);
  });

  it("has the fields that its route gives responses, as one of a server has", async () => {
    const response = {
      set: { "Strict-Transport-Security": "max-age=9", Location: "/other", "X-Empty": "${request.header.nothing}" },
      add: { "X-Path": "${request.path}" },
      remove: ["Content-Type"],
    };
    stage = await stageWith({
      routes: [
        { match: { path: "/r" }, redirect: { to: "/new", status: 301 }, response },
        { match: { path: "/d" }, respond: { body: "x" }, response: { set: { Date: "never", "Content-Type": "a/b" } } },
        { respond: { body: "x" }, response },
      ],
    });
    const to = (path: string) => responsesTo(stage.ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`))[0]?.raw ?? "";
    const date = "Date: Thu, 15 Jan 2026 12:00:\\d\\d GMT";
    const given = "Strict-Transport-Security: max-age=9\r\nLocation: /other\r\nX-Path: ";
    assert.match(to("/r"), new RegExp(`^HTTP/1.1 301 .*\r\n${date}\r\n${given}/r\r\nContent-Length: 0\r\n\r\n$`));
    assert.match(to("/f"), new RegExp(`^HTTP/1.1 200 OK\r\n${date}\r\n${given}/f\r\nContent-Length: 1\r\n\r\nx$`));
    assert.equal(to("/d"), "HTTP/1.1 200 OK\r\nDate: never\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\nx");
  });

  it("has the length but no body for HEAD", async () => {
    stage = await stageWith({ routes: [{ respond: { body: "fixed" } }] });
    const client = ask("HEAD");
    assert.equal(responsesTo(client, ["HEAD"]).length, 1);
    assert.match(client.text(), /\r\nContent-Length: 5\r\n\r\n$/);
    assert.equal(stage.exchanges[0]?.responseBytes, 0);
  });

  it("has neither with 204", async () => {
    stage = await stageWith({ routes: [{ respond: { status: 204, body: "" } }] });
    const client = ask("GET");
    assert.doesNotMatch(client.text(), /Content-Length/);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.sim.drive();
    assert.equal(responsesTo(client).length, 2);
  });
});
