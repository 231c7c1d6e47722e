import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { IdleConnections, type Listed } from "../../../core/upstream/idle-connections.ts";
import { alwaysHolds } from "../../support/always-holds.ts";

class Connection implements Listed<Connection> {
  above: Connection | null = null;
  below: Connection | null = null;
}

class List extends IdleConnections<Connection> {
  add(connection: Connection): void {
    this.push(connection);
  }
  remove(connection: Connection): void {
    this.takeOut(connection);
  }
  /** From both ends, and its length. */
  get shown(): unknown[] {
    return [this.bottom, this.idle(), this.top, this.idleCount];
  }
}

describe("connections that rest", () => {
  it("are a list like any other, whatever is put in and taken out", () => {
    const command = fc.record({ adds: fc.boolean(), which: fc.nat(9) });
    alwaysHolds(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const all = Array.from({ length: 10 }, () => new Connection());
        const list = new List();
        let model: Connection[] = [];
        for (const { adds, which } of commands) {
          const it = all[which]!;
          if (!adds) {
            list.remove(it);
            model = model.filter((each) => each !== it);
          } else if (!model.includes(it)) {
            list.add(it);
            model.push(it);
          }
          const shown = list.shown;
          assert.ok(shown[0] === (model[0] ?? null) && shown[2] === (model.at(-1) ?? null));
          assert.ok((shown[1] as Connection[]).every((each, i) => each === model[i]));
          assert.deepEqual([(shown[1] as Connection[]).length, shown[3]], [model.length, model.length]);
        }
      }),
    );
  });
});
