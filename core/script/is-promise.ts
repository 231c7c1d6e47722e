/** Whether it is a promise, or calls itself one: what `await` would wait for. */
export function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
