import { it } from "@std/testing/bdd";
import { contract } from "./contract.ts";

if (!("Deno" in globalThis) && !("Bun" in globalThis)) contract((await import("../../adapters/node.ts")).runtime);
else it.ignore("the node adapter runs on Node only", () => {});
