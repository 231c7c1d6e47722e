// The bill of materials of what is shipped, as CycloneDX in JSON on standard output: npm's own of the whole lockfile, cut
// down to what the published package depends on and the runtimes that are in executables. (`npm sbom --omit=dev` of npm
// 11 also leaves out what is needed by us *and* by a development dependency, esbuild among them.)
//
//   npm run --silent sbom > out/millrace.cdx.json

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  properties: { readonly name: string }[];
}

interface Bill {
  readonly metadata: { readonly component: { readonly "bom-ref": string; name: string } };
  components: Component[];
  dependencies: { readonly ref: string; dependsOn: string[] }[];
}

/** Needed to run sources only, as in `tools/build-package.ts`. */
const OF_SOURCES = ["tsx"];
/** For development, but also the runtimes of executables. */
const EMBEDDED = ["bun", "deno"];
const DEVELOPMENT = "cdx:npm:package:development";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Whose Node is the runtime of the other. */
const node24 = fileURLToPath(new URL("node24", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const bill = shippedOf(billOf(root));
const [node] = billOf(node24).components.filter(({ name }) => name === "node");
if (node === undefined) throw new Error(`${node24} has no Node`);
bill.components.push(node);
bill.dependencies[0]?.dependsOn.push(node["bom-ref"]);
bill.dependencies.push({ ref: node["bom-ref"], dependsOn: [] });
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);

function billOf(folder: string): Bill {
  const command = ["sbom", "--sbom-format=cyclonedx", "--sbom-type=application", "--package-lock-only"];
  return JSON.parse(execFileSync("npm", command, { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }));
}

function shippedOf(bill: Bill): Bill {
  const us = bill.metadata.component;
  // npm takes the folder's name.
  us.name = manifest.name;
  const nameOf = new Map(bill.components.map((one) => [one["bom-ref"], one.name]));
  const direct = [...Object.keys(manifest.dependencies), ...EMBEDDED].filter((name) => !OF_SOURCES.includes(name));
  // A peer that is optional, and here for development only.
  const unused = Object.keys(manifest.devDependencies);
  const behind = new Map<string, string[]>();
  for (const { ref, dependsOn } of bill.dependencies) {
    // Deno's own packages hold Deno; its executables hold denort, which no package has.
    if (nameOf.get(ref) === "deno") continue;
    const isKept = (name: string) => (ref === us["bom-ref"] ? direct.includes(name) : !unused.includes(name));
    behind.set(
      ref,
      dependsOn.filter((other) => isKept(nameOf.get(other) ?? "")),
    );
  }
  // Grows while it is walked.
  const reached = new Set([us["bom-ref"]]);
  for (const ref of reached) for (const other of behind.get(ref) ?? []) reached.add(other);
  bill.components = bill.components.filter((one) => reached.has(one["bom-ref"]));
  for (const one of bill.components) one.properties = one.properties.filter(({ name }) => name !== DEVELOPMENT);
  bill.dependencies = [...reached].map((ref) => ({ ref, dependsOn: behind.get(ref) ?? [] }));
  return bill;
}
