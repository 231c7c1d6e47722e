import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import {
  defineHook,
  defineHooks,
  Hooks,
  handlerOf,
  MountTarget,
  OnUnload,
  Target,
} from "../../../core/config/hook-schema.ts";
import { HOOK_TIMEOUT_MS } from "../../../core/limits.ts";

const run = () => undefined;
const messages = (schema: v.GenericSchema, value: unknown) =>
  (v.safeParse(schema, value).issues ?? []).map(({ message }) => message);

describe("how a hook is written", () => {
  it("is a function, or a map around one", () => {
    assert.deepEqual(
      defineHook("decide", run, "n", () => "a.ts:1"),
      {
        kind: "decide",
        name: "n",
        run,
        timeoutMs: HOOK_TIMEOUT_MS,
        fallback: { status: 503 },
        source: "a.ts:1",
      },
    );
    const parsed = v.parse(Target, { run, timeout: "2s", fallback: { status: 502 } });
    const hook = defineHook("decide", parsed, "n", () => "");
    assert.deepEqual([hook.timeoutMs, hook.fallback], [2_000, { status: 502 }]);
  });

  it("says what would be right", () => {
    assert.match(messages(Target, 5)[0] ?? "", /expected a function \(request, context\), got/);
    assert.match(messages(Target, { run: 5 })[0] ?? "", /expected a function/);
    assert.match(messages(Target, { run, fallback: "pass" })[0] ?? "", /ignore/);
    assert.match(messages(Target, { run, fallback: { status: 200 } })[0] ?? "", /from 400 to 599/);
    assert.match(messages(Hooks, { onRequets: run })[0] ?? "", /did you mean "onRequest"/);
    assert.match(messages(MountTarget, {})[0] ?? "", /an app with fetch/);
  });

  it("says how a file is named, where one stands in place of a function", () => {
    const right = '; for a file write { script: "./a.ts" }';
    assert.deepEqual(messages(Target, "./a.ts"), [`expected a function (request, context), got "./a.ts"${right}`]);
    assert.deepEqual(messages(MountTarget, "./a.ts"), [
      `expected a function (request), or an app with fetch, got "./a.ts"${right}`,
    ]);
    assert.deepEqual(messages(OnUnload, "./a.ts"), [`expected a function (), got "./a.ts"${right}`]);
  });

  it("fails safe where nothing is said", () => {
    const parsed = v.parse(Hooks, { onRequest: run, onAttempt: run, onResponse: run, onFinish: run });
    const hooks = defineHooks(parsed, "hooks", () => "");
    assert.deepEqual(hooks?.onRequest?.fallback, { status: 503 });
    assert.deepEqual(hooks?.onResponse?.fallback, { status: 502 });
    assert.equal(hooks?.onAttempt?.fallback, "ignore");
    assert.equal(hooks?.onFinish?.name, "hooks.onFinish");
    assert.equal(
      defineHooks({}, "hooks", () => ""),
      null,
    );
    assert.equal(
      defineHooks(undefined, "hooks", () => ""),
      null,
    );
  });

  it("takes an app by its fetch, and calls that on the app", async () => {
    const app = {
      text: "app",
      fetch() {
        return new Response(this.text);
      },
    };
    const answer = await handlerOf(v.parse(MountTarget, app))(new Request("http://a/"));
    assert.equal(await answer.text(), "app");
    assert.equal(handlerOf(run as never), run);
  });
});
