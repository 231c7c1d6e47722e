import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { BAD_VERSION, CONNECT_REFUSED, clientRefusal } from "../../../core/fault.ts";
import { LOG_FIELD_LENGTH_MAX } from "../../../core/limits.ts";
import type { Notice } from "../../../core/observe/events.ts";
import { formatNotice } from "../../../core/observe/notice-text.ts";

const AT = Date.UTC(2026, 10, 23, 5, 0, 0);

describe("notices as lines", () => {
  it("M08: stay one line without anything a terminal acts on, each field cut", () => {
    const evil = '\r\n\u001b[2J\u0000\u2028\u202e\u009b"\ud800\u007f'.repeat(1_000);
    const notices: readonly Notice[] = [
      {
        kind: "refused",
        listener: evil,
        clientAddress: evil,
        method: evil,
        target: evil,
        fault: CONNECT_REFUSED,
        requestId: evil,
      },
      { kind: "server-state", upstream: evil, server: evil, from: "up", to: "down", reason: evil },
      { kind: "panic", upstream: evil, isPanic: true, healthy: 1, servers: 3 },
      { kind: "agent-malformed", upstream: evil, server: evil, reason: evil },
      { kind: "accept-failed", listener: evil, error: { code: "EACCES", message: evil } },
      { kind: "descriptors-exhausted", listener: evil, limit: 256 },
    ];
    for (const notice of notices) {
      const line = formatNotice(notice, AT);
      assert.equal(/[^\x20-\x7e…]/.test(line), false);
      assert.ok(line.length < 7 * LOG_FIELD_LENGTH_MAX * 6);
    }
  });

  it("say of a refused request what was read of it, without its secrets", () => {
    const refused = { kind: "refused", listener: ":80", clientAddress: "192.0.2.7", requestId: "abc-1" } as const;
    const fault = clientRefusal(-BAD_VERSION);
    for (const [method, target, shown] of [
      ["GET", "/a?token=x&b=c", "; GET /a?token=***&b=c"],
      ["GET", "http://user:secret@a/b@c", "; GET http://***@a/b@c"],
      ["GET", "", "; GET -"],
      ["", "", ""],
    ] as const) {
      assert.equal(
        formatNotice({ ...refused, fault, method, target }, AT),
        `2026-11-23T05:00:00.000Z error ${fault.code}: ${fault.reason}${shown} -> 400; ` +
          "request abc-1, client 192.0.2.7, listener :80",
      );
    }
  });

  it("tell how servers are, and why", () => {
    const server = { upstream: "app", server: "127.0.0.1:9001" };
    const lines = [
      { kind: "server-state", ...server, from: "up", to: "down", reason: 'a check failed: it said "no"' },
      { kind: "server-state", ...server, from: "down", to: "up", reason: "a check passed: status 200" },
      { kind: "panic", upstream: "app", isPanic: true, healthy: 1, servers: 3 },
      { kind: "panic", upstream: "app", isPanic: false, healthy: 2, servers: 3 },
      { kind: "agent-malformed", ...server, reason: 'the agent said "hm"' },
    ] as const;
    assert.deepEqual(
      lines.map((notice) => formatNotice(notice, AT)),
      [
        'error server 127.0.0.1:9001 of upstream app: up -> down; a check failed: it said "no"',
        "notice server 127.0.0.1:9001 of upstream app: down -> up; a check passed: status 200",
        "error only 1 of 3 servers of upstream app are healthy: all that accept connections are tried",
        "notice 2 of 3 servers of upstream app are healthy: only these are tried again",
        'error the agent of server 127.0.0.1:9001 of upstream app is not understood and changes nothing: the agent said "hm"; its words are in docs/health.md',
      ].map((line) => `2026-11-23T05:00:00.000Z ${line}`),
    );
  });

  it("tell of a breaker how much it refused", () => {
    const breaker = { kind: "breaker", upstream: "app", cap: "inFlight", limit: 1, isOpen: false } as const;
    const end = (refused: number) => formatNotice({ ...breaker, refused }, AT).replace(/^.* app /, "");
    assert.equal(end(1), "is closed again; refused: 1");
    assert.equal(end(20), "is closed again; refused: 20");
    assert.match(
      formatNotice({ ...breaker, isOpen: true, refused: 1 }, AT),
      / error `breaker.inFlight` of upstream app is open: its limit of 1 is reached; more are refused$/,
    );
  });

  it("tell how a hook failed, and where", () => {
    const failed = { kind: "hook-failed", hook: "decide", source: "a.ts:3", requestId: "7", rests: true } as const;
    const late: Notice = { ...failed, failure: "timeout", error: new Error("took longer than 500 ms") };
    assert.equal(
      formatNotice(late, AT),
      "2026-11-23T05:00:00.000Z error hook decide (a.ts:3) timed out: took longer than 500 ms; request 7; it fails too often and is not called for a while",
    );
    const unload: Notice = {
      ...failed,
      hook: "onUnload",
      source: "",
      requestId: "",
      rests: false,
      failure: "threw",
      error: "x",
    };
    assert.equal(formatNotice(unload, AT), "2026-11-23T05:00:00.000Z error hook onUnload threw: x");
  });

  it("tell which hook chose a target that is not allowed", () => {
    const refused = { kind: "target-refused", hook: "decide", source: "a.ts:3", requestId: "7" } as const;
    assert.match(
      formatNotice({ ...refused, target: "http://10.0.0.1:80" }, AT),
      / error hook decide \(a\.ts:3\) chose http:\/\/10\.0\.0\.1:80, which `allowTargets` does not allow; request 7$/,
    );
  });

  it("tell of connections that were shed", () => {
    assert.match(
      formatNotice({ kind: "connection-shed", listener: ":80", limit: 5, by: "configuration" }, AT),
      /closed at once: all 5 client connections of `limits.clientConnections` are in use; listener :80$/,
    );
    assert.match(
      formatNotice({ kind: "connection-shed", listener: ":80", limit: 64, by: "memory" }, AT),
      /closed at once: memory is short, no more than 64 client connections are taken on; listener :80$/,
    );
    assert.match(
      formatNotice({ kind: "connection-shed", listener: ":80", limit: 64, by: "starting" }, AT),
      /closed at once: 64 connections wait already until the new configuration takes over; listener :80$/,
    );
    assert.match(
      formatNotice({ kind: "accept-paused", listener: ":80", limit: 5, by: "descriptors" }, AT),
      /accepting rests: all 5 client connections that the limit of open files allows are in use \(`ulimit -n`, `LimitNOFILE`\); listener :80$/,
    );
    assert.match(
      formatNotice({ kind: "descriptors-exhausted", listener: ":80", limit: 256 }, AT),
      / error no descriptors are left, all 256 of this process are in use: .*; raise the limit of open files \(`ulimit -n`, `LimitNOFILE`\) or lower `limits\.clientConnections`; listener :80$/,
    );
    assert.match(
      formatNotice({ kind: "descriptors-exhausted", listener: ":80", limit: null }, AT),
      / error no descriptors are left, all that may be open are in use: /,
    );
    assert.match(
      formatNotice({ kind: "memory", step: 2, load: 0.931 }, AT),
      / error 93 % of the memory is in use: only few requests are served at a time$/,
    );
    assert.match(
      formatNotice({ kind: "memory", step: 0, load: 0.3 }, AT),
      / notice 30 % of the memory is in use: enough is left again$/,
    );
    assert.match(
      formatNotice({ kind: "address-shed", listener: ":80", clientAddress: "192.0.2.1", limit: 5 }, AT),
      /client 192\.0\.2\.1 has 5 connections already .*; listener :80/,
    );
  });

  it("tell of names and servers, whatever a resolver sends", () => {
    const error = { code: "server-failure", message: 'it said "no\n"' } as const;
    const name = "app.internal";
    const line = (notice: Notice): string => formatNotice(notice, AT).slice(25);
    assert.equal(
      line({ kind: "name-failed", name, error, kept: 2 }),
      'error the name app.internal cannot be resolved: it said "no\\n" [server-failure]; the 2 known before stay in use; trying again',
    );
    assert.match(
      line({ kind: "name-failed", name, error, kept: 0 }),
      /it brings no server until it can be; trying again$/,
    );
    assert.equal(line({ kind: "name-resolved", name }), "notice the name app.internal can be resolved again");
    assert.match(
      line({ kind: "name-cut", name, found: 300, used: 256 }),
      /has 300 records; the first 256 in their order/,
    );
    assert.equal(
      line({ kind: "servers-cut", upstream: "app", used: 4_096 }),
      "error the names of upstream app have more addresses than may be servers; the first 4096 are used",
    );
    const added = ["a:1", "b:1", "c:1", "d:1", "e:1", "f:1"];
    assert.equal(
      line({ kind: "servers-changed", upstream: "app", servers: 6, added, removed: [] }),
      "notice upstream app has 6 servers now; new: a:1, b:1, c:1, d:1, e:1 and 1 more",
    );
    assert.match(
      line({ kind: "servers-changed", upstream: "app", servers: 1, added: [], removed: ["a:1"] }),
      /1 server now; gone: a:1$/,
    );
    assert.match(
      line({ kind: "servers-changed", upstream: "app", servers: 2, added: [], removed: [] }),
      /2 servers now, the same with other settings or in another order$/,
    );
  });
});
