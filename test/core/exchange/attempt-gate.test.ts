import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import type { Attempt } from "../../../core/exchange/attempt.ts";
import { AttemptGate } from "../../../core/exchange/attempt-gate.ts";
import type { TriesOwner } from "../../../core/exchange/tries-owner.ts";
import { type Fault, HOOK_FAILED } from "../../../core/fault.ts";
import { type CheckedAttempt, UNCHANGED } from "../../../core/script/check-answer.ts";
import { NO_EDITS } from "../../../core/script/check-edits.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import type { Group } from "../../../core/upstream/group.ts";

const one = { label: "one" } as Endpoint;
const two = { label: "two" } as Endpoint;
let told: string[];
let answer: (change: CheckedAttempt | Fault) => void;
let gate: AttemptGate;
let mayPick: boolean;

beforeEach(() => {
  told = [];
  mayPick = true;
  const group = {
    endpoints: [one, two],
    mayPick: () => mayPick,
    putBack: ({ label }: Endpoint) => void told.push(`put back ${label}`),
    onPlaceTaken: ({ label }: Endpoint) => void told.push(`taken ${label}`),
  } as unknown as Group;
  const exchange = {
    hooks: {
      onAttempt: (_hook: unknown, _shown: unknown, next: typeof answer) => {
        answer = next;
      },
    },
  } as unknown as TriesOwner;
  gate = new AttemptGate(exchange, group, { definition: { name: "h" } } as never);
});

const ask = () =>
  gate.ask(
    { number: 1, endpoint: one, tried: [], failure: "" },
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

  it("refuses it: the server goes back once", () => {
    ask();
    answer(HOOK_FAILED);
    gate.stop();
    assert.deepEqual(told, ["put back one", HOOK_FAILED.code]);
  });

  it("stays where it was for who is not there, or is not well by now", () => {
    ask();
    answer({ server: "three", edits: NO_EDITS });
    mayPick = false;
    ask();
    answer({ server: "two", edits: NO_EDITS });
    assert.deepEqual(told, ["next one", "next one"]);
  });

  it("is called off: the server goes back once, a late answer is nobody's", () => {
    ask();
    gate.stop();
    gate.stop();
    answer(UNCHANGED);
    assert.deepEqual(told, ["put back one"]);
  });
});
