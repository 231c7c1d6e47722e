import process from "node:process";

/** What `${env:NAME}` stands for. Deno without the permission for a name says so here; it counts as not set. */
export function readEnvironment(name: string): string | undefined {
  try {
    return process.env[name];
  } catch {
    return undefined;
  }
}
