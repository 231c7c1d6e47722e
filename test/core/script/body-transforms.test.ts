import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { TraceHook } from "../../../core/observe/trace.ts";
import { BodyTransforms, type TransformsOwner } from "../../../core/script/body-transforms.ts";
import type { ByteStream, TransformRequestBody } from "../../../core/script/hooks.ts";
import type { TransformHook } from "../../../core/script/transform-stage.ts";
import { type Around, around, hookOf } from "./stage.ts";
import { turns } from "./streams.ts";

const text = (value: string) => new TextEncoder().encode(value);

class Listener implements TransformsOwner {
  readonly told: string[] = [];
  readonly notes: string[] = [];
  takes = true;
  onTransformBegins(length: number, isOriginal: boolean): void {
    this.told.push(isOriginal ? "original" : `begins ${length}`);
  }
  onTransformPiece(bytes: Uint8Array): boolean {
    this.told.push(new TextDecoder().decode(bytes));
    return this.takes;
  }
  onTransformPause(): void {}
  onTransformEnd(): void {
    this.told.push("end");
  }
  onTransformFailed(hook: TransformHook): void {
    this.told.push(`failed ${hook.definition.name}`);
  }
  onTransformAnswered(hook: TransformHook, { status }: Response): void {
    this.told.push(`${hook.definition.name} answered ${status}`);
  }
  onTransformWanted(): void {}
  onTransformNote({ outcome }: TraceHook): void {
    this.notes.push(outcome);
  }
}

function chainOf(runs: readonly TransformRequestBody[]) {
  const owner = new Listener();
  const surroundings: Around = around();
  const hooks = runs.map((run) => hookOf("transformRequestBody", run, surroundings, { status: 503 }));
  const chain = new BodyTransforms(hooks, "1", owner);
  chain.begin((hook, body, context) => (hook as (typeof hooks)[number]).definition.run(body, null as never, context));
  return { owner, chain, surroundings, hooks };
}

const wrap = (left: string, right: string) => (body: ByteStream) =>
  body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => controller.enqueue(text(`${left}${new TextDecoder().decode(chunk)}${right}`)),
    }),
  );

describe("several hooks for one body", () => {
  it("stand one behind the other", async () => {
    const { owner, chain } = chainOf([wrap("(", ")"), async (body) => wrap("<", ">")(body)]);
    chain.push(text("a"));
    chain.end();
    await turns(200);
    assert.deepEqual(owner.told, ["begins 5", "<(a)>", "end"]);
    assert.deepEqual(owner.notes, ["ok", "ok"]);
  });

  it("pass on what they do not want, as it came when none wants it", async () => {
    const one = chainOf([() => undefined, wrap("<", ">"), async () => undefined]);
    one.chain.push(text("a"));
    one.chain.end();
    await turns(200);
    assert.equal(one.owner.told.join(" "), "begins -1 <a> end");
    const none = chainOf([() => undefined, async () => undefined]);
    none.chain.push(text("a"));
    await turns();
    none.chain.push(text("b"));
    none.chain.end();
    assert.equal(none.owner.told.join(" "), "original a b end");
  });

  it("fail together, and each failure is counted where it happened", async () => {
    const boom = () => {
      throw new Error("boom");
    };
    const { owner, chain, hooks } = chainOf([wrap("(", ")"), boom]);
    chain.push(text("a"));
    await turns();
    assert.deepEqual(owner.told, ["failed hooks.transformRequestBody"]);
    assert.deepEqual(
      hooks.map(({ failures }) => failures),
      [0, 1],
    );
    assert.deepEqual(owner.notes, ["threw", "unanswered"]);
    assert.ok(chain.push(text("b")), "what still comes is dropped");
    chain.end();
    assert.equal(owner.told.length, 1);
  });

  it("are over when one answers, with a failure where it comes too late", async () => {
    const answer = () => new Response(null, { status: 413 });
    const second = chainOf([wrap("(", ")"), answer]);
    second.chain.push(text("a"));
    await turns();
    assert.deepEqual(second.owner.told, ["hooks.transformRequestBody answered 413"]);
    assert.deepEqual(second.owner.notes, ["answered", "unanswered"]);
    assert.ok(second.chain.push(text("b")), "what still comes is dropped");
    const begun = () => new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(text("x")) });
    const late = chainOf([async (body) => new Response(body).text().then(answer), begun]);
    await turns();
    late.chain.push(text("a"));
    late.chain.end();
    await turns(100);
    assert.deepEqual(late.owner.told.slice(-2), ["x", "failed hooks.transformRequestBody"]);
  });

  it("are not told of where one before them was all there was", () => {
    const boom = () => {
      throw new Error("boom");
    };
    for (const [first, told] of [
      [() => new Response(null, { status: 413 }), "answered"],
      [boom, "threw"],
    ] as const) {
      let calls = 0;
      const { owner } = chainOf([first, () => void calls++]);
      assert.deepEqual([calls, owner.notes], [0, [told]]);
    }
  });

  it("leave no body of a Response that comes too late to whoever makes it", async () => {
    const canceled: unknown[] = [];
    const kept = new ReadableStream<Uint8Array>({ cancel: (reason) => void canceled.push(reason) });
    const begun = () => new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(text("x")) });
    const { owner, chain } = chainOf([async (body) => new Response(body).text().then(() => new Response(kept)), begun]);
    await turns();
    chain.push(text("a"));
    chain.end();
    await turns(100);
    assert.equal(owner.told.at(-1), "failed hooks.transformRequestBody");
    assert.equal(canceled.length, 1);
  });

  it("are told when nobody wants the body any more", async () => {
    const canceled: unknown[] = [];
    const { chain, owner } = chainOf([
      () => new ReadableStream<Uint8Array>({ cancel: (reason) => void canceled.push(reason) }),
    ]);
    chain.cancel("gone");
    assert.deepEqual(canceled, ["gone"]);
    chain.push(text("a"));
    chain.end();
    chain.resume();
    await turns();
    assert.deepEqual(owner.told, []);
  });
});
