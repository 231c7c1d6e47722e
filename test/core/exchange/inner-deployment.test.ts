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
});
