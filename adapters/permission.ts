/** What Deno permits. Asked before it is needed: Deno would stop and ask on the terminal. */

type Permission =
  /** Without a path: all files. */
  | { readonly name: "read" | "write"; readonly path?: string }
  | { readonly name: "net"; readonly host: string }
  | { readonly name: "sys"; readonly kind: string }
  | { readonly name: "run"; readonly command: string }
  | { readonly name: "ffi" };

// By way of unknown: where Deno checks types it knows its own, which say the same in another way.
const { Deno: deno } = globalThis as unknown as {
  Deno?: { permissions: { querySync(permission: Permission): { state: string } } };
};

/** Yes on the other runtimes, where there is nothing to ask for. */
export function isPermitted(permission: Permission): boolean {
  return deno === undefined || deno.permissions.querySync(permission).state === "granted";
}
