import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { Attempt } from "../../../core/exchange/attempt.ts";
import { AttemptGate } from "../../../core/exchange/attempt-gate.ts";
import type { TriesOwner } from "../../../core/exchange/tries-owner.ts";
import { type Fault, HOOK_FAILED, NO_SERVER } from "../../../core/fault.ts";
import { type CheckedAttempt, UNCHANGED } from "../../../core/script/check-answer.ts";
import { NO_EDITS } from "../../../core/script/check-edits.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import type { Group } from "../../../core/upstream/group.ts";

const server = (label: string) => ({ label, isRetired: false, health: { state: "up", trial: 0 } }) as Endpoint;
const one = server("one");
const two = server("two");
let told: string[];
let answer: (change: CheckedAttempt | Fault) => void;
let gate: AttemptGate;
let out: Endpoint | null;
let picked: Endpoint | null;

beforeEach(() => {
  told = [];
  out = null;
  picked = null;
  const group = {
    endpoints: [one, two],
    mayPick: (endpoint: Endpoint) => endpoint !== out,
    pick: () => picked,
    putBack: ({ label }: Endpoint, trial: number) =>
      void told.push(`put back ${label}${trial === 0 ? "" : ` of trial ${trial}`}`),
    onPlaceTaken: ({ label }: Endpoint) => void told.push(`taken ${label}`),
  } as unknown as Group;
  const exchange = {
    hooked: {
      onAttempt: (_hook: unknown, _shown: unknown, next: typeof answer) => {
        answer = next;
      },
    },
  } as unknown as TriesOwner;
  gate = new AttemptGate(exchange, group, { definition: { name: "h" } } as never);
});

const ask = () =>
  gate.ask(
    { number: 1, endpoint: one, tried: [] },
    (chosen, isWished) => void told.push(`next ${chosen.label}${isWished ? " as wished" : ""}`),
    ({ code }) => void told.push(code),
  );

const marked = (): Attempt => {
  const attempt = {} as Attempt;
  gate.mark(attempt);
  return attempt;
};

describe("the look at a try", () => {
  it("lets it be made as it was planned", () => {
    ask();
    assert.ok(gate.isAsking);
    answer(UNCHANGED);
    assert.deepEqual(told, ["next one"]);
    assert.ok(!gate.isAsking);
    assert.equal(marked().chosenBy, "");
  });

  it("sends it elsewhere, and puts back who was picked", () => {
    ask();
    answer({ server: "two", edits: NO_EDITS });
    assert.deepEqual(told, ["put back one", "taken two", "next two as wished"]);
    assert.equal(marked().chosenBy, "hook h");
  });

  it("gives a try that is made once more what it had, whatever was looked at since", () => {
    const edits = { drop: [], add: [["X-Try", "1"]] as const };
    ask();
    answer({ server: "two", edits });
    const first = marked();
    ask();
    answer(UNCHANGED);
    gate.repeat(first);
    assert.deepEqual(marked(), { edits, chosenBy: "hook h" });
  });

  it("is about another server when the one that was picked went out meanwhile, or about none", () => {
    ask();
    [out, picked] = [one, two];
    answer(UNCHANGED);
    ask();
    picked = null;
    answer(UNCHANGED);
    assert.deepEqual(told, ["put back one", "next two", "put back one", NO_SERVER.code]);
  });

  it("stays with a server that it was to show to be well", () => {
    Object.assign(one.health, { state: "probing" });
    ask();
    out = one;
    answer(UNCHANGED);
    ask();
    Object.assign(one.health, { trial: 1 });
    answer(UNCHANGED);
    assert.deepEqual(told, ["next one", "put back one", NO_SERVER.code], "somebody else is to show it");
    told.length = 0;
    ask();
    Object.assign(one.health, { trial: 2 });
    gate.stop();
    Object.assign(one.health, { state: "up", trial: 0 });
    assert.deepEqual(told, ["put back one of trial 1"]);
  });

  it("refuses it: the server goes back once", () => {
    ask();
    answer(HOOK_FAILED);
    gate.stop();
    assert.deepEqual(told, ["put back one", HOOK_FAILED.code]);
  });

  it("stays where it was for who is not there, or is not well by now", () => {
    ask();
    answer({ server: "three", edits: NO_EDITS });
    out = two;
    ask();
    answer({ server: "two", edits: NO_EDITS });
    assert.deepEqual(told, ["next one", "next one"]);
  });

  it("may be about a name, which stands for any of its addresses", () => {
    const planned = server("app.internal:80/10.0.0.1");
    const look = () =>
      gate.ask(
        { number: 1, endpoint: planned, tried: [] },
        (chosen, isWished) => void told.push(`next ${chosen.label}${isWished ? " as wished" : ""}`),
        ({ code }) => void told.push(code),
      );
    look();
    answer({ server: "app.internal:80", edits: NO_EDITS });
    assert.deepEqual(told, ["next app.internal:80/10.0.0.1"]);
    Object.assign(two, { label: "two:80/10.0.0.2" });
    ask();
    answer({ server: "two:80", edits: NO_EDITS });
    Object.assign(two, { label: "two" });
    assert.deepEqual(told.slice(1), ["put back one", "taken two:80/10.0.0.2", "next two:80/10.0.0.2 as wished"]);
  });

  it("is called off: the server goes back once, a late answer is nobody's", () => {
    ask();
    gate.stop();
    gate.stop();
    answer(UNCHANGED);
    assert.deepEqual(told, ["put back one"]);
  });
});
