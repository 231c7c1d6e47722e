import { it } from "@std/testing/bdd";
import { contract } from "./contract.ts";

if ("Deno" in globalThis) contract((await import("../../adapters/deno.ts")).runtime);
else it.ignore("the deno adapter runs on Deno only", () => {});
