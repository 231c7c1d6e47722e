import { it } from "@std/testing/bdd";
import { contract } from "./contract.ts";

if ("Deno" in globalThis) {
  const { runtime } = await import("../../adapters/deno.ts");
  const { listen, connect } = await import("../../adapters/deno-operations.ts");
  // What there is without `--allow-ffi`, and on other systems than Linux.
  const capabilities = { ...runtime.capabilities, reset: false, keepAliveDelay: false };
  contract({ ...runtime, listen, connect, capabilities });
} else it.ignore("the operations are Deno's", () => {});
