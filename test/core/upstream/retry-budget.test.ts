import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { RETRY_BUDGET_REQUESTS, RETRY_BUDGET_SECONDS } from "../../../core/limits.ts";
import { RetryBudget } from "../../../core/upstream/retry-budget.ts";
import { DEFAULT_RETRIES, type RetryPolicy } from "../../../core/upstream/retry-policy.ts";

const policy = (budgetShare: number, budgetPerSecond: number): RetryPolicy => ({
  ...DEFAULT_RETRIES,
  budgetShare,
  budgetPerSecond,
});

function drain(budget: RetryBudget, nowMs: number): number {
  let granted = 0;
  while (budget.withdraw(nowMs)) granted++;
  return granted;
}

describe("the budget of further tries", () => {
  it("begins with what a second brings", () => {
    assert.equal(drain(new RetryBudget(policy(0.1, 3), 0), 0), 3);
  });

  it("grows by a share of each request", () => {
    const budget = new RetryBudget(policy(0.1, 0), 0);
    for (const [requests, granted] of [
      [9, 0],
      [1, 1],
      [10, 1],
      [99, 9],
      [1, 1],
    ] as const) {
      for (let i = 0; i < requests; i++) budget.deposit();
      assert.equal(drain(budget, 0), granted, `${requests} requests`);
    }
  });

  it("grows with time, whatever the clock does", () => {
    const budget = new RetryBudget(policy(0, 3), 1_000);
    assert.equal(drain(budget, 1_000), 3);
    assert.equal(drain(budget, 2_333), 0);
    assert.equal(drain(budget, 2_334), 1);
    assert.equal(drain(budget, 500), 0);
    assert.equal(drain(budget, 3_334), 3);
  });

  it("saves up for a bad moment, but not for ever", () => {
    const budget = new RetryBudget(policy(0.1, 3), 0);
    for (let i = 0; i < 10 * RETRY_BUDGET_REQUESTS; i++) budget.deposit();
    const most = 0.1 * RETRY_BUDGET_REQUESTS + 3 * RETRY_BUDGET_SECONDS;
    assert.equal(drain(budget, 3_600_000), most);
  });

  it("of nothing allows nothing; of everything, one for each request", () => {
    const none = new RetryBudget(policy(0, 0), 0);
    none.deposit();
    assert.equal(drain(none, 1_000_000), 0);
    const all = new RetryBudget(policy(1, 0), 0);
    all.deposit();
    assert.equal(drain(all, 0), 1);
  });

  it("counts what it granted and what it refused", () => {
    const budget = new RetryBudget(policy(0, 2), 0);
    for (let i = 0; i < 5; i++) budget.withdraw(0);
    assert.deepEqual([budget.granted, budget.refused], [2, 3]);
  });

  it("keeps what it has when its numbers change", () => {
    const budget = new RetryBudget(policy(0, 5), 0);
    budget.reconfigure(policy(0, 9));
    assert.equal(drain(budget, 0), 5);
  });

  it("at 1,000 requests a second that all fail, keeps the tries below 1.1 times the requests and 3 a second", () => {
    const budget = new RetryBudget(DEFAULT_RETRIES, 0);
    let tries = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 1_000; i++) {
        budget.deposit();
        tries += budget.withdraw(second * 1_000 + i) ? 2 : 1;
      }
      assert.ok(tries <= (second + 1) * (1_100 + 3), `${tries} tries in ${second + 1} s`);
    }
  });
});
