import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { HookRegistry } from "../../../core/script/hook-set.ts";
import type { HookDefinition, HookDefinitions, HookFunctions, HookKind } from "../../../core/script/hooks.ts";
import { around } from "./stage.ts";
import { turns } from "./streams.ts";

function definition<K extends HookKind>(kind: K, place: string, run: unknown = () => undefined, timeoutMs = 1_000) {
  const name = `${place}.${kind}`;
  return { kind, name, run, timeoutMs, fallback: "ignore", source: "" } as HookDefinition<HookFunctions[K]>;
}
const all: HookDefinitions = {
  onRequest: definition("onRequest", "hooks"),
  decide: definition("decide", "hooks"),
  onResponse: definition("onResponse", "hooks"),
  transformRequestBody: definition("transformRequestBody", "hooks"),
};
const route: HookDefinitions = {
  onResponse: definition("onResponse", "routes.r"),
  transformRequestBody: definition("transformRequestBody", "routes.r"),
};
const namesOf = (hooks: readonly { readonly definition: { readonly name: string } }[]) =>
  hooks.map((hook) => hook.definition.name);

describe("the hooks of a route", () => {
  it("are none where none are configured", () => {
    const registry = new HookRegistry(around(), null);
    assert.equal(registry.setOfAll(null), null);
    assert.equal(registry.setOfRoute(null, null, null), null);
  });

  it("are those of the configuration around its own", () => {
    const registry = new HookRegistry(around(), null);
    const set = registry.setOfRoute(all, route, null);
    assert.equal(set?.onRequest, null, "that of all has run before there was a route");
    assert.equal(set?.decide?.definition.name, "hooks.decide");
    assert.deepEqual(namesOf(set?.onResponse ?? []), ["routes.r.onResponse", "hooks.onResponse"]);
    assert.deepEqual(namesOf(set?.transformRequestBody ?? []), [
      "hooks.transformRequestBody",
      "routes.r.transformRequestBody",
    ]);
    assert.equal(registry.setOfAll(all)?.onRequest?.definition.name, "hooks.onRequest");
  });

  it("decide by the route's own word first", () => {
    const registry = new HookRegistry(around(), null);
    const target = definition("decide", "routes.r.target");
    assert.equal(registry.setOfRoute(all, route, target)?.decide?.definition, target);
  });

  it("are the same objects for all routes", () => {
    const registry = new HookRegistry(around(), null);
    assert.equal(registry.setOfRoute(all, null, null)?.decide, registry.setOfRoute(all, route, null)?.decide);
    assert.equal(registry.hooks.length, new Set(registry.hooks).size);
  });

  it("live on over a reload when nothing about them has changed, with their counts", () => {
    const first = new HookRegistry(around(), null);
    const before = first.setOfRoute(all, null, null)?.decide;
    const second = new HookRegistry(around(), first);
    assert.equal(second.setOfRoute(all, null, null)?.decide, before);
    second.seal();
    const other = { decide: definition("decide", "hooks", all.decide?.run, 2_000) };
    assert.notEqual(new HookRegistry(around(), first).setOfRoute(other, null, null)?.decide, before);
    const another = { decide: definition("decide", "hooks") };
    assert.notEqual(new HookRegistry(around(), first).setOfRoute(another, null, null)?.decide, before);
  });

  it("are told of as long as an onFinish that is gone has calls", async () => {
    let end = () => {};
    const onFinish = definition("onFinish", "hooks", () => new Promise<void>((resolve) => (end = resolve)));
    const surroundings = around();
    const first = new HookRegistry(surroundings, null);
    const [hook] = first.setOfAll({ onFinish })?.onFinish ?? [];
    const same = new HookRegistry(surroundings, first);
    same.setOfAll({ onFinish });
    const [keeps, changes] = [first.telling(same), first.telling(new HookRegistry(surroundings, first))];
    const call = () =>
      hook?.run(
        { requestId: "id" },
        (run, context) => run({} as never, context),
        () => true,
        () => {},
      );
    call();
    assert.deepEqual([keeps(), changes()], [false, true]);
    end();
    await turns();
    assert.equal(changes(), false);
    call();
    surroundings.advance(1_100);
    assert.equal(changes(), false, "nobody waits any more");
  });
});
