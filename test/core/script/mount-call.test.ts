import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HOOK_CALLS_HUNG_MAX } from "../../../core/limits.ts";
import type { FetchHandler } from "../../../core/script/hooks.ts";
import { MountCall } from "../../../core/script/mount-call.ts";
import { around } from "./stage.ts";
import { sent, turns } from "./streams.ts";

function callOf(handler: FetchHandler) {
  const told: string[] = [];
  const surroundings = around();
  const call = new MountCall(
    {
      onMountAnswer: (answer) => void told.push(answer instanceof Response ? `answer ${answer.status}` : `${answer}`),
      onMountFailed: (failure, error) => void told.push(`${failure} ${error}`),
    },
    surroundings,
    1_000,
  );
  call.begin(handler, new Request("http://a/"));
  return { told, call, surroundings };
}

const never = new Promise<Response>(() => {});

describe("a call of a mounted program", () => {
  it("has one answer, at once or later", async () => {
    assert.deepEqual(callOf(() => new Response("x", { status: 201 })).told, ["answer 201"]);
    const { told, surroundings } = callOf(async () => new Response("x"));
    assert.deepEqual(told, []);
    await turns();
    surroundings.advance(5_000);
    assert.deepEqual(told, ["answer 200"]);
  });

  it("fails when the program throws or takes too long", async () => {
    const thrown = callOf(() => {
      throw new Error("x");
    });
    assert.deepEqual(thrown.told, ["threw Error: x"]);
    const rejected = callOf(() => Promise.reject(new Error("y")));
    await turns();
    assert.deepEqual(rejected.told, ["threw Error: y"]);
    const late = callOf(() => never);
    late.surroundings.advance(900);
    late.call.postpone();
    late.surroundings.advance(900);
    assert.deepEqual(late.told, []);
    late.surroundings.advance(200);
    assert.deepEqual(late.told, ["timeout Error: took longer than 1000 ms"]);
  });

  it("wants nothing of an answer that comes too late", async () => {
    const { stream, canceled } = sent();
    let answer: (response: Response) => void = () => {};
    const { told, call, surroundings } = callOf(() => new Promise((resolve) => (answer = resolve)));
    call.abandon();
    answer(new Response(stream));
    await turns();
    surroundings.advance(5_000);
    assert.deepEqual(told, []);
    assert.equal(canceled.length, 1);
  });

  it("is not made while as many as may hang do, and is again when one has ended", async () => {
    const answers: ((response: Response) => void)[] = [];
    const handler = () => new Promise<Response>((resolve) => void answers.push(resolve));
    for (let i = 0; i < HOOK_CALLS_HUNG_MAX; i++) callOf(handler).call.abandon();
    assert.match(callOf(handler).told.join(), /^timeout Error: it is not called while 1000 calls of it hang/);
    assert.equal(answers.length, HOOK_CALLS_HUNG_MAX);
    answers[0]?.(new Response("late"));
    await turns();
    assert.deepEqual(callOf(handler).told, []);
    assert.equal(answers.length, HOOK_CALLS_HUNG_MAX + 1);
    assert.deepEqual(callOf(() => new Response("of another one")).told, ["answer 200"]);
  });

  it("hears a promise once, whatever that was given of its own", async () => {
    const no = (): never => {
      throw new Error("no");
    };
    const twice = (answer: (value: unknown) => void, fail: (error: unknown) => void): void => {
      for (const each of [answer, fail, answer]) each(new Response("x"));
    };
    for (const [name, descriptor] of [
      ["then", { value: no }],
      ["then", { value: twice }],
      ["constructor", { get: no }],
    ] as const) {
      const { told } = callOf(() => Object.defineProperty(Promise.resolve(new Response("x")), name, descriptor));
      await turns();
      assert.equal(told.length, 1, String(told));
    }
    const trapped = new Proxy({}, { getPrototypeOf: no });
    assert.deepEqual(callOf(() => trapped as Response).told, ["threw Error: no"]);
  });
});
