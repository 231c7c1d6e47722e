import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HOOK_BREAKER_FAILURES_MIN, HOOK_CALLS_HUNG_MAX, HOOK_REST_MS_MIN } from "../../../core/limits.ts";
import type { HookContext, OnRequest } from "../../../core/script/hooks.ts";
import { around, breakObserver, hookOf } from "./stage.ts";
import { sent } from "./streams.ts";

const check = (answer: unknown): string => {
  if (typeof answer !== "string") throw new TypeError("it answered no text");
  return answer;
};

/** Lets promises that are settled call whoever waits for them. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function play(run: (context: HookContext) => unknown) {
  const surroundings = around();
  const hook = hookOf("onRequest", ((_request, context) => run(context)) as OnRequest, surroundings);
  const answers: (string | null)[] = [];
  const call = () =>
    hook.run(
      { requestId: "id" },
      (code, context) => code({} as never, context),
      check,
      (answer) => answers.push(answer),
    );
  return { hook, answers, call, surroundings };
}

describe("a hook", () => {
  it("answers at once when its function does", () => {
    const { answers, call, hook } = play(() => "yes");
    assert.equal(call(), null);
    assert.deepEqual(answers, ["yes"]);
    assert.deepEqual([hook.calls, hook.failures, hook.pending], [1, 0, 0]);
  });

  it("answers later when its function does", async () => {
    const { answers, call, hook } = play(async () => "yes");
    assert.notEqual(call(), null);
    assert.deepEqual(answers, []);
    await turn();
    assert.deepEqual(answers, ["yes"]);
    assert.equal(hook.pending, 0);
  });

  it("may take what it is given apart", () => {
    const { answers, call, surroundings } = play(({ cache, log }) => {
      log("looks it up");
      return cache("key", () => "found");
    });
    call();
    assert.deepEqual(answers, ["found"]);
    assert.deepEqual(
      surroundings.notices.map((notice) => (notice.kind === "hook-said" ? notice.text : notice.kind)),
      ["looks it up"],
    );
  });

  it("fails, counted and told of with its source, when its function throws", async () => {
    for (const run of [
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
    ]) {
      const { answers, call, hook, surroundings } = play(run);
      call();
      await turn();
      assert.deepEqual(answers, [null]);
      assert.equal(hook.failures, 1);
      const [notice] = surroundings.notices;
      assert.ok(notice?.kind === "hook-failed");
      assert.deepEqual(
        [notice.hook, notice.source, notice.failure, notice.requestId],
        ["hooks.onRequest", "file.ts:1", "threw", "id"],
      );
    }
  });

  it("fails when the answer is nonsense, also by a getter or a promise that throws", async () => {
    const hostile = {
      // biome-ignore lint/suspicious/noThenProperty: what hooks answer may be anything
      get then() {
        throw new Error("hostile");
      },
    };
    for (const run of [() => 5, async () => 5, () => hostile]) {
      const { answers, call } = play(run);
      call();
      await turn();
      assert.deepEqual(answers, [null]);
    }
  });

  it("fails at its deadline, not before, and tells its function so", async () => {
    let signal: AbortSignal | undefined;
    const { answers, call, hook, surroundings } = play((context) => {
      signal = context.signal;
      return new Promise(() => {});
    });
    call();
    surroundings.advance(1_000);
    assert.deepEqual(answers, []);
    surroundings.advance(100);
    assert.deepEqual(answers, [null]);
    assert.ok(signal?.aborted);
    assert.deepEqual([hook.pending, hook.hung], [1, 1]);
  });

  it("says nothing any more when its request is over", async () => {
    const { answers, call, hook, surroundings } = play(async () => "late");
    call()?.abandon();
    await turn();
    surroundings.advance(2_000);
    assert.deepEqual(answers, []);
    assert.deepEqual([hook.pending, hook.hung, hook.failures], [0, 0, 0]);
  });

  it("that keeps the thread to itself has failed, though its answer counts", () => {
    const { answers, call, hook, surroundings } = play(() => {
      surroundings.nowMs += 60;
      return "late";
    });
    call();
    assert.deepEqual(answers, ["late"]);
    assert.equal(hook.failures, 1);
    assert.ok(surroundings.notices[0]?.kind === "hook-failed" && surroundings.notices[0].failure === "blocked");
  });

  it("is not called while it rests", () => {
    const { answers, call, hook, surroundings } = play(() => 5);
    for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN + 3; i++) call();
    assert.deepEqual([hook.calls, hook.skipped], [HOOK_BREAKER_FAILURES_MIN, 3]);
    assert.equal(answers.length, HOOK_BREAKER_FAILURES_MIN + 3);
    const resting = surroundings.notices.filter((notice) => notice.kind === "hook-failed" && notice.rests);
    assert.equal(resting.length, 1);
  });

  it("hears a promise once, whatever that was given of its own", async () => {
    const both = (answer: (value: unknown) => void, fail: (error: unknown) => void): void => {
      for (let i = 0; i < 2; i++) {
        answer("yes");
        fail(new Error("no"));
      }
    };
    const no = (): never => {
      throw new Error("no");
    };
    for (const [name, descriptor] of [
      ["then", { value: both }],
      ["then", { value: no }],
      ["constructor", { get: no }],
    ] as const) {
      const { answers, call, hook } = play(() => Object.defineProperty(Promise.resolve("yes"), name, descriptor));
      call();
      await turn();
      assert.equal(answers.length, 1);
      assert.deepEqual([hook.calls, hook.pending, hook.hung], [1, 0, 0]);
    }
  });

  it("answers its fallback, also when whoever is told of the failure throws", () => {
    const { answers, call, surroundings } = play(() => 5);
    const defect = breakObserver(surroundings);
    call();
    assert.deepEqual(answers, [null]);
    assert.deepEqual(surroundings.defects, [defect]);
  });

  it("that nobody waits for has no more calls under way than may hang", () => {
    const surroundings = around();
    const hook = hookOf("onFinish", () => new Promise(() => {}), surroundings);
    const run = () =>
      hook.run(
        { requestId: "id" },
        (code, context) => code({} as never, context),
        check,
        () => {},
      );
    for (let i = 0; i < HOOK_CALLS_HUNG_MAX; i++) run();
    assert.deepEqual([hook.pending, hook.skipped], [HOOK_CALLS_HUNG_MAX, 0]);
    run();
    assert.deepEqual([hook.pending, hook.skipped], [HOOK_CALLS_HUNG_MAX, 1]);
  });

  it("is not called while too many calls of it hang", () => {
    const { answers, call, hook } = play(() => new Promise(() => {}));
    for (let i = 0; i < HOOK_CALLS_HUNG_MAX; i++) call()?.abandon();
    assert.deepEqual(answers, []);
    call();
    assert.deepEqual(answers, [null]);
    assert.equal(hook.skipped, 1);
  });

  it("reports what breaks behind its answer instead of losing it", async () => {
    const surroundings = around();
    const hook = hookOf("onRequest", async () => undefined, surroundings);
    hook.run(
      { requestId: "id" },
      (code, context) => code({} as never, context),
      () => "",
      () => {
        throw new Error("ours");
      },
    );
    await turn();
    assert.match(String(surroundings.defects[0]), /ours/);
  });

  it("rests on while older calls of it end, until the one that tries does", async () => {
    const ends: { yes(value: unknown): void; no(error: unknown): void }[] = [];
    const { call, hook, surroundings } = play(() => new Promise((yes, no) => ends.push({ yes, no })));
    for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN + 2; i++) call();
    const [older, oldest, ...others] = ends;
    for (const { no } of others) no(new Error("no"));
    await turn();
    assert.ok(hook.breaker.isOpen);
    const trial = hook.breaker.admit(surroundings.timers.nowMs + HOOK_REST_MS_MIN);
    older?.yes("yes");
    oldest?.no(new Error("no"));
    await turn();
    assert.equal(hook.breaker.restsForMs(surroundings.timers.nowMs), HOOK_REST_MS_MIN);
    hook.breaker.succeed(surroundings.timers.nowMs, trial);
    assert.ok(!hook.breaker.isOpen);
  });

  it("that tries whether it is well, and waits for a stranger, keeps nobody else from trying", () => {
    let fails = true;
    const { call, surroundings } = play(() => {
      if (fails) throw new Error("no");
      return new Promise(() => {});
    });
    for (let i = 0; i < HOOK_BREAKER_FAILURES_MIN; i++) call();
    fails = false;
    surroundings.advance(1_000);
    const trial = call();
    trial!.isExcused = () => true;
    assert.equal(call(), null, "one at a time");
    surroundings.advance(1_100);
    assert.notEqual(call(), null);
  });

  it("that answers too late is told so, and what it answered goes no further", async () => {
    for (const response of [false, true]) {
      const { stream, canceled } = sent();
      let answer: (late: unknown) => void = () => {};
      let context: HookContext | undefined;
      const { call, answers } = play((given) => {
        context = given;
        return new Promise((resolve) => (answer = resolve));
      });
      call()?.abandon();
      assert.ok(context?.signal.aborted, "asked for only now");
      answer(response ? new Response(stream) : stream);
      await turn();
      assert.deepEqual([answers, canceled.length], [[], 1]);
    }
  });

  it("that answers what it may not, too, leaves no body to whoever makes it", async () => {
    for (const isLater of [false, true]) {
      const { stream, canceled } = sent();
      const { call, answers } = play(() => (isLater ? Promise.resolve(new Response(stream)) : new Response(stream)));
      call();
      await turn();
      assert.deepEqual([answers, canceled.length], [[null], 1]);
    }
  });
});
