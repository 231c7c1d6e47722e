import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Fault } from "../../../core/fault.ts";
import * as fault from "../../../core/fault.ts";
import { type Outcome, outcomeOfFault, outcomeOfStatus } from "../../../core/upstream/outcome.ts";

describe("what a try says about its server", () => {
  it("by the status of the response", () => {
    const cases: [number, Outcome][] = [
      [200, "success"],
      [404, "success"],
      [499, "success"],
      [500, "server-error"],
      [501, "success"],
      [502, "gateway-error"],
      [503, "gateway-error"],
      [504, "gateway-error"],
      [505, "success"],
      [506, "server-error"],
      [599, "server-error"],
    ];
    for (const [status, outcome] of cases) assert.equal(outcomeOfStatus(status), outcome, String(status));
  });

  it("by what went wrong", () => {
    const cases: [Fault, Outcome][] = [
      [fault.CONNECT_REFUSED, "refused"],
      [fault.NO_SOCKET, "refused"],
      [fault.CONNECT_DENIED, "connect-failed"],
      [fault.CONNECT_FAILED, "connect-failed"],
      [fault.CONNECT_TIMEOUT, "connect-failed"],
      [fault.UNREACHABLE, "refused"],
      [fault.FIRST_BYTE_TIMEOUT, "timeout"],
      [fault.RESPONSE_TIMEOUT, "timeout"],
      [fault.UPSTREAM_SEND_TIMEOUT, "timeout"],
      [fault.UPSTREAM_CLOSED, "broken"],
      [fault.UPSTREAM_RESET, "broken"],
      [fault.RESPONSE_TRUNCATED, "broken"],
      [fault.upstreamRefusal(-fault.BARE_LF), "bad-response"],
      [fault.UNEXPECTED_UPGRADE, "bad-response"],
      [fault.TOO_MANY_INTERIM, "bad-response"],
      [fault.QUEUE_FULL, "abandoned"],
      [fault.QUEUE_TIMEOUT, "abandoned"],
      [fault.LOCAL_RESOURCES, "abandoned"],
      [fault.NO_LOCAL_PORT, "abandoned"],
      [fault.CLIENT_RESET, "abandoned"],
      [fault.DRAINING, "abandoned"],
    ];
    for (const [reason, outcome] of cases) assert.equal(outcomeOfFault(reason), outcome, reason.code);
  });
});
