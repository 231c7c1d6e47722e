import { type Backend, connects, freePort } from "./backend.ts";
import { startProgram } from "./program.ts";
import { until } from "./wait.ts";

/** Python's file server. It closes after each response with HTTP/1.0, and keeps alive with HTTP/1.1. */
export async function startPython(folder: string, protocol: "HTTP/1.0" | "HTTP/1.1"): Promise<Backend> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const program = startProgram([
      "python3",
      "-m",
      "http.server",
      String(port),
      "--bind",
      "127.0.0.1",
      "--directory",
      folder,
      "--protocol",
      protocol,
    ]);
    const answer = await until(
      async () => (!program.isRunning ? "ended" : (await connects(port)) ? "listens" : null),
      "Python to listen",
    );
    if (answer === "listens") return Object.defineProperty(program, "port", { value: port }) as Backend;
    if (tries === 3) throw new Error(`Python's server does not start: ${program.stderr}`);
  }
}
