import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type AgentReply, parseAgentReply } from "../../../core/health/agent-reply.ts";

const NOTHING: AgentReply = { weightShare: null, weight: null, connectionsMax: null, admin: null, isUp: null, why: "" };

describe("an agent's reply", () => {
  for (const [line, said] of [
    ["75%", { weightShare: 0.75 }],
    ["0%", { weightShare: 0 }],
    ["250%", { weightShare: 2.5 }],
    ["weight:20", { weight: 20 }],
    ["maxconn:30", { connectionsMax: 30 }],
    ["ready", { admin: "ready" }],
    ["drain", { admin: "drain" }],
    ["maint", { admin: "maintenance" }],
    ["up", { isUp: true }],
    ["down", { isUp: false }],
    ["fail", { isUp: false }],
    ["stopped", { isUp: false }],
    ["down #disk full, 100%", { isUp: false, why: "disk full, 100%" }],
    ["up#now", { isUp: true, why: "now" }],
    ["UP Ready MAXCONN:3 #Disk", { isUp: true, admin: "ready", connectionsMax: 3, why: "Disk" }],
    ["  up\t75% , maxconn:3,ready ", { isUp: true, weightShare: 0.75, connectionsMax: 3, admin: "ready" }],
  ] as const) {
    it(JSON.stringify(line), () => assert.deepEqual(parseAgentReply(line), { ...NOTHING, ...said }));
  }

  for (const line of [
    "",
    " ",
    "#only a reason",
    "75",
    "1000%",
    "-5%",
    "7.5%",
    "weight:",
    "weight:1001",
    "weight:-1",
    "maxconn:0",
    "maxconn:1e3",
    "up sideways",
    "75%up",
    "HTTP/1.1 400 Bad Request",
  ]) {
    it(`${JSON.stringify(line)} is none`, () => assert.equal(parseAgentReply(line), null));
  }

  it("has a weight up to that of the configuration: 999, 1000, 1001", () => {
    assert.deepEqual(
      [999, 1000, 1001].map((weight) => parseAgentReply(`weight:${weight}`)?.weight ?? null),
      [999, 1000, null],
    );
  });
});
