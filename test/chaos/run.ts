// Failures of servers, clients and the machine, on real sockets, around the command line tool on each runtime.
//
//   npm run chaos                                       every scenario on every runtime that is installed
//   npm run chaos -- --runtime bun --only hung,reload   some of it
//
// Options: --runtime node|node24|deno|bun|all (several with commas), --only NAME[,NAME…], --seconds N and --rate N of
// load per scenario, --seed N, --list. The load client and the origins run on Node whatever is tested. Exits with 1
// when anything was missed.

import { parseArgs } from "node:util";
import { seeded } from "../../testing/seeded.ts";
import { missingRuntime, type RuntimeName, runtimeNames } from "../support/runtime-command.ts";
import { type Check, type Scenario, Scene } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/registry.ts";

// An exit takes the proxies along; a signal alone would leave them behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runtime: { type: "string", default: "all" },
      only: { type: "string", default: "" },
      seconds: { type: "string", default: "3" },
      rate: { type: "string", default: "200" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      /** For the test suite: what is short and gentle enough for it, and times are not judged. */
      smoke: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, rows, what, isLong } of SCENARIOS)
      console.log(`${name.padEnd(14)} ${rows.join(" ").padEnd(12)} ${what}${isLong ? " (only when named)" : ""}`);
    return 0;
  }
  const chosen = choose(values.only, values.smoke);
  if (chosen.length === 0) {
    console.error(`chaos: no scenario is called ${values.only}; --list names all`);
    return 2;
  }
  const seed = Number(values.seed);
  console.log(`seed ${seed}`);
  let missed = 0;
  for (const runtime of runtimesOf(values.runtime)) {
    for (const scenario of chosen) {
      const scene = new Scene({
        runtime,
        random: seeded(seed),
        seconds: Number(values.seconds),
        requestsPerSecond: Number(values.rate),
        isGentle: values.smoke,
        number: SCENARIOS.indexOf(scenario),
      });
      const checks = await play(scenario, scene);
      print(runtime, scenario, checks);
      missed += checks.filter(({ isMet }) => isMet === false).length;
    }
  }
  console.log(missed === 0 ? "\nall met" : `\n${missed} missed`);
  return missed === 0 ? 0 : 1;
}

function choose(only: string, smoke: boolean): readonly Scenario[] {
  if (only !== "") return SCENARIOS.filter(({ name }) => only.split(",").includes(name));
  return SCENARIOS.filter(({ isLong, isSmoke }) => (smoke ? isSmoke === true : !isLong && !isSmoke));
}

function runtimesOf(text: string): readonly RuntimeName[] {
  if (text === "all") return runtimeNames.filter((runtime) => missingRuntime(runtime) === null);
  return text.split(",").map((name) => {
    const runtime = runtimeNames.find((known) => known === name);
    const problem =
      runtime === undefined ? `unknown runtime ${name}: ${runtimeNames.join(", ")}, or all` : missingRuntime(runtime);
    if (runtime === undefined || problem !== null) throw new Error(problem ?? name);
    return runtime;
  });
}

async function play(scenario: Scenario, scene: Scene): Promise<readonly Check[]> {
  try {
    await scenario.run(scene);
  } catch (error) {
    scene.check("the scenario itself", (error as Error).stack ?? String(error), false);
  }
  await scene.end();
  return scene.checks;
}

function print(runtime: RuntimeName, scenario: Scenario, checks: readonly Check[]): void {
  const isMet = checks.every((check) => check.isMet !== false);
  console.log(
    `\n${isMet ? "ok    " : "MISSED"} ${runtime} ${scenario.name} (${scenario.rows.join(", ")}): ${scenario.what}`,
  );
  for (const { what, found, isMet } of checks) {
    console.log(`  ${isMet === null ? " " : isMet ? "+" : "-"} ${what.padEnd(50)} ${found}`);
  }
}
