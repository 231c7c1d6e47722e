import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { innerDeployment } from "../../../core/exchange/inner-deployment.ts";
import { stageWith } from "../../scenario/stage.ts";

describe("what requests of hooks go by", () => {
  it("is one route to an upstream by its name, made once", async () => {
    const stage = await stageWith({});
    const { deployment } = stage.engine;
    const inner = innerDeployment(deployment, "app");
    assert.equal(innerDeployment(deployment, "app"), inner);
    assert.equal(innerDeployment(deployment, "other"), null);
    const [plan] = [...(inner?.plans.values() ?? [])];
    assert.equal(plan?.group, deployment.groups.get("app"));
    assert.equal(plan?.hooks, null);
    await stage.close();
  });

  it("holds no other route or upstream: what is fetched may go on for days, and many reloads", async () => {
    const stage = await stageWith({});
    const { snapshot, groups, plans, targets } = innerDeployment(stage.engine.deployment, "app")!;
    assert.deepEqual(
      [snapshot.table.routes.map(({ id }) => id), snapshot.upstreams.length, plans.size, groups.size, targets],
      [["context.fetch"], 0, 1, 0, null],
    );
    await stage.close();
  });
});
