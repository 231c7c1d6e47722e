import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createLog } from "../../cli/log.ts";
import { NO_SERVER } from "../../core/fault.ts";
import { LOG_LINES_PER_SECOND_MAX } from "../../core/limits.ts";
import type { FinishedExchange, Notice } from "../../core/observe/events.ts";

const hookFailed: Notice = {
  kind: "hook-failed",
  hook: "decide",
  source: "hooks.ts:3",
  requestId: "1",
  failure: "threw",
  error: new Error("an odd path"),
  rests: false,
};
const addressShed: Notice = { kind: "address-shed", listener: ":80", clientAddress: "192.0.2.1", limit: 10 };
const serverDown: Notice = {
  kind: "server-state",
  upstream: "app",
  server: "192.0.2.9:80",
  from: "up",
  to: "down",
  reason: "its check failed",
};

describe("the log of failures", () => {
  it("shows what servers do, however much clients cause and hooks fail at", () => {
    const lines: string[] = [];
    const log = createLog({ access: false, format: "json" }, { wallClockMs: () => 1_000 }, (line) => lines.push(line));
    for (let i = 0; i < 2 * LOG_LINES_PER_SECOND_MAX; i++) {
      log.onNotice(addressShed);
      log.onNotice(hookFailed);
    }
    log.onNotice(serverDown);
    assert.match(lines.at(-1)!, /192\.0\.2\.9:80 of upstream app: up -> down/);
    log.close();
    assert.deepEqual(
      lines.slice(-2).map((line) => line.replace(/^\S+ /, "")),
      [
        "error 20 more failures of clients within a second, not shown",
        "error 20 more failures of hooks and this proxy within a second, not shown",
      ],
    );
  });

  it("shows which hook failed, however much hooks write", () => {
    const lines: string[] = [];
    const log = createLog({ access: false, format: "json" }, { wallClockMs: () => 1_000 }, (line) => lines.push(line));
    for (let i = 0; i < 2 * LOG_LINES_PER_SECOND_MAX; i++)
      log.onNotice({ kind: "hook-said", hook: "onFinish", requestId: "1", text: "a slow request" });
    log.onNotice(hookFailed);
    assert.match(lines.at(-1)!, / error hook decide \(hooks\.ts:3\) threw: an odd path; request 1$/);
    log.close();
    assert.match(lines.at(-1)!, / error 20 more lines that hooks wrote within a second, not shown$/);
  });

  it("shows what becomes of servers, however many requests fail for it", () => {
    const lines: string[] = [];
    const log = createLog({ access: false, format: "json" }, { wallClockMs: () => 1_000 }, (line) => lines.push(line));
    const request = { requestId: "1", clientAddress: "192.0.2.7", method: "GET", host: "a.example", target: "/" };
    const failed = { ...request, fault: NO_SERVER, routeId: "", upstream: "app", server: "" } as FinishedExchange;
    for (let i = 0; i < 2 * LOG_LINES_PER_SECOND_MAX; i++) log.onExchange(failed);
    log.onNotice({ ...serverDown, from: "down", to: "up" });
    assert.match(lines.at(-1)!, /192\.0\.2\.9:80 of upstream app: down -> up/);
    log.onNotice({ kind: "panic", upstream: "app", isPanic: false, healthy: 1, servers: 1 });
    assert.match(lines.at(-1)!, /upstream app/);
    log.close();
    assert.match(lines.at(-1)!, / error 20 more failures of upstreams within a second, not shown$/);
  });
});
