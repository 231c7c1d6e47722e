// No image is built here: what can be seen from the text, and the health check, which is run against a proxy.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, it } from "@std/testing/bdd";
import { startMillraceWith } from "../e2e/millrace.ts";
import { runProgram } from "../e2e/program.ts";
import { createScratch } from "../e2e/scratch.ts";
import { projectRoot } from "../support/runtime-command.ts";

const read = (name: string) => readFileSync(join(projectRoot, "packaging", name), "utf8");

describe("packaging/Dockerfile", () => {
  const scratch = createScratch();
  afterAll(() => scratch.remove());

  const instructions = read("Dockerfile")
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)] as const);
  const of = (wanted: string) => instructions.filter(([name]) => name === wanted).map(([, rest]) => rest);

  it("starts the program itself, not as root, as the process that gets the signals", () => {
    assert.deepEqual(of("FROM").length, 1);
    assert.match(of("USER").join(), /^[1-9]\d*:[1-9]\d*$/);
    assert.deepEqual(
      of("ENTRYPOINT").map((text) => JSON.parse(text)),
      [["/usr/local/bin/millrace"]],
    );
    assert.deepEqual(
      of("CMD").map((text) => JSON.parse(text)),
      [["run", "/etc/millrace/millrace.yaml"]],
    );
    assert.deepEqual(of("STOPSIGNAL"), ["SIGTERM"]);
  });

  it("has Bun's allocator keep its pages", () => {
    assert.ok(of("ENV").includes("MIMALLOC_PURGE_HOLES=0"));
  });

  it("copies only what its context lets in", () => {
    const sources = of("COPY").map((text) => text.split(" ").filter((word) => !word.startsWith("--"))[0]);
    const admitted = read("Dockerfile.dockerignore").trim().split("\n");
    assert.deepEqual(admitted, ["*", ...sources.map((source) => `!${source}`)]);
  });

  it("holds the licenses of what it holds, made by the build", () => {
    const targets = of("COPY").map((text) => text.split(" ").at(-1));
    for (const name of ["LICENSE", "THIRD-PARTY-LICENSES"])
      assert.ok(targets.includes(`/usr/share/doc/millrace/${name}`), name);
  });

  it("has a health check that tells a proxy from none", async () => {
    const [, text = ""] = /CMD (\[.*)/.exec(of("HEALTHCHECK").join()) ?? [];
    const command: string[] = JSON.parse(text);
    const config = read("container.yaml");
    const [, port = ""] = /^listeners: \[":(\d+)"\]$/m.exec(config) ?? [];
    assert.deepEqual(of("EXPOSE"), [port]);
    const environment = of("ENV").find((text) => text.includes("HEALTH")) ?? "";
    const [, path = ""] = / MILLRACE_HEALTH_PATH=(\S+)/.exec(environment) ?? [];
    assert.ok(environment.startsWith(`MILLRACE_HEALTH_PORT=${port} `) && config.includes(`path: "${path}"`));

    const proxy = await startMillraceWith([
      "run",
      scratch.write("container.yaml", config.replace(`:${port}`, "127.0.0.1:0")),
    ]);
    const env = { MILLRACE_HEALTH_PORT: new URL(proxy.url).port, MILLRACE_HEALTH_PATH: path };
    try {
      assert.equal((await runProgram(command, { env })).code, 0);
    } finally {
      await proxy.stop();
    }
    assert.notEqual((await runProgram(command, { env })).code, 0, "nobody listens");
  });
});
