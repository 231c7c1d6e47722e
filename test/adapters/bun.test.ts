import { it } from "@std/testing/bdd";
import { contract } from "./contract.ts";

if ("Bun" in globalThis) contract((await import("../../adapters/bun.ts")).runtime);
else it.ignore("the bun adapter runs on Bun only", () => {});
