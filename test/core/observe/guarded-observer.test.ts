import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { FinishedExchange, Notice, Observer } from "../../../core/observe/events.ts";
import { GuardedObserver } from "../../../core/observe/guarded-observer.ts";

const exchange = {} as FinishedExchange;
const notice: Notice = { kind: "name-resolved", name: "app.internal" };

describe("a guarded observer", () => {
  it("is told what is to be told, and says what the observer wants, also later", () => {
    const told: unknown[] = [];
    const observer = {
      wantsTimes: false,
      onExchange: (it: FinishedExchange) => void told.push(it),
      onNotice: (it: Notice) => void told.push(it),
    };
    const guarded = new GuardedObserver(observer, (defect) => assert.fail(String(defect)));
    guarded.onExchange(exchange);
    guarded.onNotice(notice);
    assert.deepEqual(told, [exchange, notice]);
    assert.equal(guarded.wantsTimes, false);
    observer.wantsTimes = true;
    assert.equal(guarded.wantsTimes, true);
  });

  it("reports what the observer throws, and throws nothing", () => {
    const defect = new Error("of the observer");
    const fail = (): never => {
      throw defect;
    };
    const observer: Observer = { wantsTimes: true, onExchange: fail, onNotice: fail };
    const defects: unknown[] = [];
    const guarded = new GuardedObserver(observer, (it) => void defects.push(it));
    guarded.onExchange(exchange);
    guarded.onNotice(notice);
    assert.deepEqual(defects, [defect, defect]);
  });
});
