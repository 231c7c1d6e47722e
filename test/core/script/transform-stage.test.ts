import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { STREAM_AHEAD_BYTES_MAX, TRANSFORM_KEPT_BYTES_MAX } from "../../../core/limits.ts";
import type { TraceHook } from "../../../core/observe/trace.ts";
import type { ByteStream, Fallback, TransformRequestBody } from "../../../core/script/hooks.ts";
import { type StageTarget, TransformStage } from "../../../core/script/transform-stage.ts";
import { around, hookOf } from "./stage.ts";
import { turns } from "./streams.ts";

class Target implements StageTarget {
  readonly told: string[] = [];
  readonly notes: string[] = [];
  wanted = 0;
  bytes = 0;
  takes = true;
  onStageBegins(length: number): void {
    this.told.push(`begins ${length}`);
  }
  onStagePiece(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return this.takes;
  }
  onStagePause(): void {}
  onStageEnd(): void {
    this.told.push("end");
  }
  onStageFailed(): void {
    this.told.push("failed");
  }
  onStageAnswered(_hook: unknown, { status }: Response): void {
    this.told.push(`answered ${status}`);
  }
  onStageDecided(): void {
    this.told.push("decided");
  }
  onStageWanted(): void {
    this.wanted++;
  }
  onStageNote({ hook, tookMs, outcome }: TraceHook): void {
    this.notes.push(`${hook} ${outcome} ${tookMs}`);
  }
}

function stageOf(run: TransformRequestBody, fallback: Fallback = { status: 503 }) {
  const target = new Target();
  const surroundings = around();
  const hook = hookOf("transformRequestBody", run, surroundings, fallback);
  const stage = new TransformStage(hook, "1", target);
  stage.begin((_hook, body, context) => run(body, null as never, context));
  return { stage, target, surroundings, hook };
}

const never = new Promise<ByteStream>(() => {});
const KIB = new Uint8Array(1024);

describe("a hook that transforms a body", () => {
  it("is given as much as may wait, and asked for when it reads", async () => {
    const { stage, target } = stageOf(() => never);
    let pushed = 0;
    while (stage.push(KIB)) pushed += KIB.length;
    assert.equal(pushed, STREAM_AHEAD_BYTES_MAX - KIB.length);
    assert.equal(target.wanted, 0);
    stage.cancel("gone");
  });

  it("does not read while nobody takes", async () => {
    const { stage, target } = stageOf((body) => body.pipeThrough(new TransformStream()));
    target.takes = false;
    let pushed = 0;
    for (let i = 0; i < 1_000 && stage.push(KIB); i++) {
      pushed += KIB.length;
      await turns();
    }
    assert.ok(pushed <= STREAM_AHEAD_BYTES_MAX + 8 * KIB.length, `${pushed} bytes were taken`);
    const before = target.bytes;
    stage.resume();
    await turns();
    assert.ok(target.bytes > before);
    stage.cancel("gone");
  });

  it("has its time while it is not waiting for others", async () => {
    const silent = stageOf(() => never);
    silent.stage.push(KIB);
    silent.surroundings.advance(1_200);
    assert.deepEqual(silent.target.told, ["failed", "decided"]);

    const waiting = stageOf(async (body) => new Response(await new Response(body).text()).body as ByteStream);
    await turns();
    waiting.surroundings.advance(10_000);
    assert.deepEqual(waiting.target.told, [], "whoever sends the body has deadlines of his own");
    waiting.stage.push(KIB);
    waiting.stage.end();
    await turns(200);
    assert.deepEqual(waiting.target.told, ["decided", "begins 1024", "end"]);
  });

  it("waits for nobody any more once it has read the end, or has had enough", async () => {
    const standsStill = () => new ReadableStream({ pull: () => never as never });
    const runs: TransformRequestBody[] = [
      (body) => body.pipeThrough(new TransformStream({ flush: () => never as never })),
      async (body) => {
        await new Response(body).text();
        return never;
      },
      (body) => {
        const reader = body.getReader();
        void (async () => {
          while (!(await reader.read()).done);
        })();
        void turns(20).then(() => reader.cancel());
        return standsStill();
      },
    ];
    for (const run of runs) {
      const { stage, target, surroundings } = stageOf(run);
      stage.push(KIB);
      await turns();
      stage.end();
      await turns(50);
      surroundings.advance(900);
      assert.ok(!target.told.includes("failed"));
      surroundings.advance(300);
      assert.ok(target.told.includes("failed"), target.told.join());
    }
  });

  it("asks for more of a body that waited until it was known that it passes", async () => {
    for (const [fallback, end] of [
      [{ status: 503 }, (yes: () => void) => yes()],
      ["ignore", (_yes: () => void, no: () => void) => no()],
    ] as const) {
      let decide = () => {};
      const run = () => new Promise<undefined>((yes, no) => (decide = () => end(() => yes(undefined), no)));
      const { stage, target } = stageOf(run, fallback);
      while (stage.push(KIB));
      assert.equal(target.wanted, 0);
      decide();
      await turns();
      assert.deepEqual([target.bytes, target.wanted > 0], [STREAM_AHEAD_BYTES_MAX, true]);
      stage.cancel("gone");
    }
  });

  it("says once what came of it, and how long that took", async () => {
    const play = async (run: TransformRequestBody, then: (stage: TransformStage) => void = () => {}) => {
      const { stage, target, surroundings } = stageOf(run);
      stage.push(KIB);
      await turns();
      surroundings.nowMs = 7;
      then(stage);
      await turns(100);
      stage.cancel("over");
      return target.notes;
    };
    const name = "hooks.transformRequestBody";
    const end = (stage: TransformStage) => stage.end();
    assert.deepEqual(await play(() => undefined), [`${name} ok 0`]);
    assert.deepEqual(await play((body) => body.pipeThrough(new TransformStream()), end), [`${name} ok 7`]);
    assert.deepEqual(await play(async () => new Response("x")), [`${name} answered 0`]);
    assert.deepEqual(await play(() => 5 as never), [`${name} nonsense 0`]);
    const failing = new ReadableStream({
      pull: async () => {
        await turns(80);
        throw new Error("boom");
      },
    });
    assert.deepEqual(await play(() => failing), [`${name} threw 7`]);
    assert.deepEqual(await play(() => never), [`${name} unanswered 7`]);
    // Its stream stands still, or waits for more of the body itself.
    assert.deepEqual(await play(() => new ReadableStream({ pull: () => never as never })), [`${name} unanswered 7`]);
    assert.deepEqual(await play((body) => body.pipeThrough(new TransformStream())), [`${name} ok 7`]);
  });

  it("cannot win time by letting others drip", async () => {
    const { stage, target, surroundings } = stageOf(() => never);
    for (let i = 0; i < 3; i++) {
      stage.push(KIB);
      surroundings.advance(500);
    }
    assert.deepEqual(target.told, ["failed", "decided"]);
  });

  it("is ignored only as long as all of the body is kept", async () => {
    const failing = async (body: ByteStream): Promise<ByteStream> => {
      await new Response(body).arrayBuffer();
      throw new Error("boom");
    };
    for (const [bytes, told] of [
      [TRANSFORM_KEPT_BYTES_MAX, "begins -1,decided,end"],
      [TRANSFORM_KEPT_BYTES_MAX + 1, "failed,decided"],
    ] as const) {
      const { stage, target } = stageOf(failing, "ignore");
      await turns();
      stage.push(new Uint8Array(bytes - 1));
      await turns();
      stage.push(new Uint8Array(1));
      stage.end();
      await turns(200);
      assert.deepEqual([...target.told].sort(), told.split(",").sort());
      if (told.includes("end")) assert.equal(target.bytes, bytes);
    }
  });

  it("does not rest for what others have sent, but for a stream that stands still", async () => {
    const refuse = (): never => {
      throw new Error("incorrect header check");
    };
    const breaks: TransformRequestBody = (body) => body.pipeThrough(new TransformStream({ transform: refuse }));
    const stands: TransformRequestBody = () => new ReadableStream({});
    for (const [run, rests] of [
      [breaks, false],
      [stands, true],
    ] as const) {
      const surroundings = around();
      const hook = hookOf("transformRequestBody", run, surroundings);
      const targets = Array.from({ length: 10 }, () => {
        const target = new Target();
        const stage = new TransformStage(hook, "1", target);
        stage.begin((_hook, body, context) => run(body, null as never, context));
        stage.push(KIB);
        stage.end();
        return target;
      });
      await turns(200);
      surroundings.advance(1_200);
      assert.equal(hook.failures, 10);
      assert.ok(targets.every(({ told }) => told.includes("failed")));
      assert.equal(hook.breaker.isOpen, rests);
    }
  });

  it("says what it answered that is no stream", async () => {
    const locked = new Response("x").body as ByteStream;
    locked.getReader();
    const cases: [TransformRequestBody, RegExp][] = [
      [() => "text" as never, /it answered a string; answer a ReadableStream/],
      [() => new Request("http://a/") as never, /an object \(Request\); .*, a Response, or/],
      [() => locked, /read already/],
      [(body) => void body.getReader(), /it read the body and answered no other one/],
    ];
    for (const [run, problem] of cases) {
      const { surroundings, hook } = stageOf(run);
      const [notice] = surroundings.notices;
      assert.match(notice?.kind === "hook-failed" ? String(notice.error) : "", problem);
      assert.equal(hook.failures, 1);
    }
  });
});
