import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { bindsConnection, isEventStream, keepAliveSeconds } from "../../../core/exchange/response-notes.ts";
import { requestHead, responseHead } from "../http/heads.ts";

const response = (field: string) =>
  responseHead(`HTTP/1.1 200 OK\nContent-Length: 0${field === "" ? "" : `\n${field}`}`);
const request = (field: string) => requestHead(`GET / HTTP/1.1\nHost: a${field === "" ? "" : `\n${field}`}`);

describe("event streams", () => {
  for (const [field, expected] of [
    ["Content-Type: text/event-stream", true],
    ["content-type: Text/Event-Stream; charset=utf-8", true],
    ["Content-Type: text/html", false],
    ["Content-Type: text/e", false],
    ["Content-Type: text/extraordinarily-long", false],
    ["Content-Type: application/event-stream", false],
    ["Content-Type:", false],
    ["X-Content-Type: text/event-stream", false],
    ["", false],
  ] as const) {
    it(`${JSON.stringify(field)}: ${expected}`, () => assert.equal(isEventStream(response(field)), expected));
  }
});

describe("connections that authenticate", () => {
  for (const [asked, answered, expected] of [
    ["", "WWW-Authenticate: NTLM", true],
    ["", "WWW-Authenticate: Negotiate abc==", true],
    ["", "WWW-Authenticate: Basic realm=a, negotiate", true],
    ["", "WWW-Authenticate: Basic realm=ntlm", false],
    ["", "WWW-Authenticate: Bearer", false],
    ["Authorization: NTLM abc", "", true],
    ["authorization: negotiate abc", "", true],
    ["Authorization: Basic bnRsbQ==", "", false],
    ["Authorization: Negotiated abc", "", false],
    ["", "", false],
  ] as const) {
    it(`${JSON.stringify(asked)} answered by ${JSON.stringify(answered)}: ${expected}`, () =>
      assert.equal(bindsConnection(request(asked), response(answered)), expected));
  }
});

describe("the seconds of Keep-Alive", () => {
  for (const [field, expected] of [
    ["Keep-Alive: timeout=5", 5],
    ["Keep-Alive: timeout=5, max=100", 5],
    ["keep-alive: max=100,timeout=15", 15],
    ['Keep-Alive: max=7; timeout = "20"', 20],
    ["Keep-Alive: TIMEOUT=0", 0],
    ["Keep-Alive: timeout=999999999", 999_999_999],
    ["Keep-Alive: max=100", -1],
    ["Keep-Alive: xtimeout=5", -1],
    ["Keep-Alive: timeout=abc", -1],
    ["Keep-Alive: timeout=-5", -1],
    ["", -1],
  ] as const) {
    it(`${JSON.stringify(field)}: ${expected}`, () => assert.equal(keepAliveSeconds(response(field)), expected));
  }
});
