import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Outbox } from "../../../core/bytes/outbox.ts";
import { Slab } from "../../../core/bytes/slab.ts";
import { writeRequestHead, writeResponseHead } from "../../../core/h1/write-head.ts";
import {
  BODY_CHUNKED,
  BODY_LENGTH,
  BODY_UNTIL_CLOSE,
  type RequestHead,
  type ResponseHead,
} from "../../../core/http/message.ts";
import { OutgoingHead } from "../../../core/http/outgoing.ts";
import { resolveTarget } from "../../../core/http/target.ts";
import { bytesOfText, wire } from "../../../testing/wire.ts";
import { alwaysHolds } from "../../support/always-holds.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";
import { requestHead, responseHead } from "../http/heads.ts";

/** What goes out for `incoming`, after `change` had its say. Text with `\n` for line ends, as for `wire`. */
function written(incoming: RequestHead | ResponseHead, change: (outgoing: OutgoingHead) => void = () => {}): string {
  const socket = new RecordingSocket();
  const outbox = new Outbox();
  outbox.goTo(socket, new Slab());
  const outgoing = new OutgoingHead();
  outgoing.fields = incoming.fields;
  if ("status" in incoming) {
    outgoing.status = incoming.status;
    change(outgoing);
    writeResponseHead(outbox, outgoing);
  } else {
    change(outgoing);
    writeRequestHead(outbox, outgoing, incoming);
  }
  outbox.flush();
  assert.equal(socket.calls.length, 1, "a head is one write");
  return socket.written.replaceAll("\r\n", "\n");
}

describe("writeRequestHead", () => {
  function check(head: string, expected: string, change?: (outgoing: OutgoingHead) => void): void {
    assert.equal(written(requestHead(head), change), `${expected}\n\n`);
  }

  it("keeps method, target and fields as they came", () => {
    check("GET / HTTP/1.1", "GET / HTTP/1.1");
    const head = "M-SEARCH /a%2Fb?c=d&e HTTP/1.1\nhOsT: a\nX: 1\nx: 2\nX: 3\nEmpty: ";
    check(head, head);
  });

  it("speaks HTTP/1.1 whatever it was told, and writes lines in one form", () => {
    check(
      "\n\nGET / HTTP/1.0\nA:1\nB:  2\nC: 3 \nD:\\t4\\t\nE:\nF: 5",
      "GET / HTTP/1.1\nA: 1\nB: 2\nC: 3\nD: 4\nE: \nF: 5",
    );
  });

  it("leaves out dropped fields, wherever they stand in a run", () => {
    const names = ["A", "B", "C", "D", "E"];
    for (let dropped = 0; dropped < 32; dropped++) {
      for (const space of [" ", "  "]) {
        const head = requestHead(["GET / HTTP/1.1", ...names.map((name) => `${name}:${space}x`)].join("\n"));
        for (let i = 0; i < 5; i++) if ((dropped >> i) & 1) head.fields.drop(i);
        const left = names.filter((_, i) => ((dropped >> i) & 1) === 0).map((name) => `${name}: x\n`);
        assert.equal(written(head), `GET / HTTP/1.1\n${left.join("")}\n`);
      }
    }
  });

  it("adds lines of its own, then the framing of what was parsed", () => {
    check("GET / HTTP/1.1\nA: 1", "GET / HTTP/1.1\nA: 1\nHost: b\nVia: c", (outgoing) => {
      outgoing.add("Host", "b");
      outgoing.add("Via", "c");
    });
    check("PUT / HTTP/1.1", "PUT / HTTP/1.1\nContent-Length: 5", (outgoing) => {
      outgoing.body = BODY_LENGTH;
      outgoing.contentLength = 5;
    });
    check("PUT / HTTP/1.1", "PUT / HTTP/1.1\nContent-Length: 0", (outgoing) => {
      outgoing.contentLength = 0;
    });
    check("PUT / HTTP/1.1", "PUT / HTTP/1.1\nTransfer-Encoding: chunked", (outgoing) => {
      outgoing.body = BODY_CHUNKED;
    });
  });

  it("writes the origin form of an absolute target", () => {
    const check = (line: string, expected: string): void => {
      const head = requestHead(`${line} HTTP/1.1\nHost: a`);
      assert.equal(resolveTarget(head, "http"), 0);
      head.fields.drop(0);
      assert.equal(written(head), `${expected} HTTP/1.1\n\n`);
    };
    check("GET http://a/b?c", "GET /b?c");
    check("GET http://a?c", "GET /?c");
    check("GET http://a", "GET /");
    check("OPTIONS *", "OPTIONS *");
    // RFC 9112 section 3.2.4: without path and query it is asked of the server as a whole.
    check("OPTIONS http://a", "OPTIONS *");
    check("OPTIONS http://a?b", "OPTIONS /?b");
    check("OPTIONS http://a/", "OPTIONS /");
  });

  it("takes another method and target, but none that would break the line", () => {
    check("GET /a?b HTTP/1.1\nX: 1", "POST /c HTTP/1.1\nX: 1", (outgoing) => {
      outgoing.method = "POST";
      outgoing.target = "/c";
    });
    for (const target of ["/a b", "/a\r\nB: c", "/\n", "/\0", "/\x7f", "/\xe9", "/\u560d"]) {
      assert.throws(() => check("GET / HTTP/1.1", "", (outgoing) => (outgoing.target = target)), /reached the wire/);
    }
  });

  it("copies the first line where it reads as we would write it", () => {
    const head = requestHead("GET /a?b HTTP/1.1\nA: 1\nB:2");
    const text = written(head, (outgoing) => {
      outgoing.lineStart = head.methodStart;
      outgoing.lineEnd = head.fields.nameStart(0);
    });
    assert.equal(text, "GET /a?b HTTP/1.1\nA: 1\nB: 2\n\n");
  });
});

describe("writeResponseHead", () => {
  function check(head: string, expected: string, change?: (outgoing: OutgoingHead) => void): void {
    assert.equal(written(responseHead(head), change), `${expected}\n\n`);
  }

  it("writes status and fields", () => {
    check("HTTP/1.0 200 OK\nA: 1\nb:2", "HTTP/1.1 200 OK\nA: 1\nb: 2");
    check("HTTP/1.1 404\nA : 1\nB :2", "HTTP/1.1 404 Not Found\nA: 1\nB: 2");
    check("HTTP/1.1 599 Odd", "HTTP/1.1 599 Status");
    check("HTTP/1.1 599 Odd", "HTTP/1.1 599 Status");
  });

  it("notes only such a first line for copying as we would write", () => {
    const check = (line: string, expected: number): void => assert.equal(responseHead(line).lineStart, expected, line);
    check("HTTP/1.1 200 OK\nA: 1", 0);
    check("HTTP/1.1 404 Nothing here", 0);
    check("HTTP/1.0 200 OK", -1);
    check("HTTP/1.1 200", -1);
  });

  it("tells the framing", () => {
    check("HTTP/1.1 200 OK", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked", (outgoing) => {
      outgoing.body = BODY_CHUNKED;
      outgoing.contentLength = 7;
    });
    check("HTTP/1.1 200 OK", "HTTP/1.1 200 OK", (outgoing) => {
      outgoing.body = BODY_UNTIL_CLOSE;
    });
  });
});

describe("a head that is parsed and written", () => {
  it("is the same but for white space, and the same for good", () => {
    const name = fc.constantFrom("A", "x-Long-Name", "Host", "COOKIE", "x_y.z");
    const word = fc.string({ unit: fc.constantFrom(...'az ,;="\t\xe9\xff'), maxLength: 12 });
    const field = fc.tuple(name, fc.constantFrom("", " ", "  ", "\t"), word, fc.boolean());
    alwaysHolds(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        const lines = fields.map(([each, space, value]) => `${each}:${space}${value}`);
        const head = requestHead(["GET /a?b HTTP/1.1", ...lines].join("\n").replaceAll(/[\x80-\xff]/g, escaped));
        for (const [i, [, , , isDropped]] of fields.entries()) if (isDropped) head.fields.drop(i);
        const kept = fields.filter(([, , , isDropped]) => !isDropped);
        const expected = kept.map(([each, , value]) => `${each}: ${value.replaceAll(/^[ \t]+|[ \t]+$/g, "")}\n`);
        const once = written(head);
        assert.equal(once, `GET /a?b HTTP/1.1\n${expected.join("")}\n`);
        const again = requestHead(once.slice(0, -2).replaceAll(/[\x80-\xff]/g, escaped));
        assert.equal(written(again), once);
      }),
    );
  });
});

/** For `wire`, which takes no bytes beyond ASCII. */
function escaped(character: string): string {
  const text = `\\x${character.charCodeAt(0).toString(16)}`;
  assert.deepEqual(wire(text), bytesOfText(character));
  return text;
}
