/** The hooks that a body goes through, one behind the other. */

import type { TraceHook } from "../observe/trace.ts";
import type { HookEnd } from "./hook.ts";
import { discardAnswer } from "./read-answer.ts";
import { type InvokeTransform, type StageTarget, type TransformHook, TransformStage } from "./transform-stage.ts";

/** Where the body goes in the end. Nothing is told after the end, a failure, or `cancel`. */
export interface TransformsOwner {
  /** First. `isOriginal`: as it came; else `length` is that of the new one, -1 when it is not known. */
  onTransformBegins(length: number, isOriginal: boolean): void;
  /** False: no more before `resume`. */
  onTransformPiece(bytes: Uint8Array): boolean;
  onTransformPause(): void;
  onTransformEnd(): void;
  onTransformFailed(hook: TransformHook, end: HookEnd): void;
  /** Of a request that is nowhere yet: its hook has answered the client. */
  onTransformAnswered?(hook: TransformHook, response: Response): void;
  /** More may be pushed. */
  onTransformWanted(): void;
  /** Once for each hook: what came of it. */
  onTransformNote(note: TraceHook): void;
}

export class BodyTransforms {
  readonly #owner: TransformsOwner;
  readonly #stages: TransformStage[];
  #hasBegun = false;
  #isOver = false;
  #decided = 0;

  constructor(hooks: readonly TransformHook[], requestId: string, owner: TransformsOwner) {
    this.#owner = owner;
    this.#stages = hooks.map((hook, index) => new TransformStage(hook, requestId, this.#targetOf(index)));
  }

  begin(invoke: InvokeTransform): void {
    for (const stage of this.#stages) if (!this.#isOver) stage.begin(invoke);
  }

  /** `bytes` are the hooks' from here on. False: no more before `onTransformWanted`. */
  push(bytes: Uint8Array): boolean {
    return this.#isOver || this.#stages[0]!.push(bytes);
  }

  end(): void {
    if (!this.#isOver) this.#stages[0]!.end();
  }

  /** The owner takes more. */
  resume(): void {
    if (!this.#isOver) this.#stages.at(-1)!.resume();
  }

  cancel(reason: unknown): void {
    this.#isOver = true;
    for (const stage of this.#stages) stage.cancel(reason);
  }

  #targetOf(index: number): StageTarget {
    const next = (): TransformStage | undefined => this.#stages[index + 1];
    const owner = this.#owner;
    return {
      onStageBegins: (length) => {
        if (next() === undefined) this.#begins(length);
      },
      onStagePiece: (bytes) => (this.#isOver ? true : (next()?.push(bytes) ?? owner.onTransformPiece(bytes))),
      onStagePause: () => {
        if (!this.#isOver && next() === undefined) owner.onTransformPause();
      },
      onStageEnd: () => {
        const following = next();
        if (this.#isOver) return;
        if (following !== undefined) {
          following.end();
          return;
        }
        this.cancel(new Error("the body that was made of this one has ended"));
        owner.onTransformEnd();
      },
      onStageFailed: (hook, end) => {
        if (this.#isOver) return;
        this.cancel(new Error(`${hook.definition.name} failed`));
        owner.onTransformFailed(hook, end);
      },
      onStageAnswered: (hook, response) => {
        if (this.#isOver) return;
        this.cancel(new Error(`${hook.definition.name} has answered`));
        // Behind another hook that did not wait for it: a part of the body is with a server.
        if (this.#hasBegun) {
          void discardAnswer(response);
          owner.onTransformFailed(hook, "nonsense");
        } else owner.onTransformAnswered?.(hook, response);
      },
      onStageDecided: () => {
        this.#decided++;
        if (!this.#isOver && this.#decided === this.#stages.length && this.#isOriginal) this.#begins(-1);
      },
      onStageWanted: () => {
        if (this.#isOver) return;
        if (index === 0) owner.onTransformWanted();
        else this.#stages[index - 1]!.resume();
      },
      onStageNote: (note) => owner.onTransformNote(note),
    };
  }

  get #isOriginal(): boolean {
    return this.#stages.every((stage) => stage.isPassing);
  }

  #begins(length: number): void {
    if (this.#hasBegun || this.#isOver) return;
    this.#hasBegun = true;
    this.#owner.onTransformBegins(length, this.#isOriginal);
  }
}
