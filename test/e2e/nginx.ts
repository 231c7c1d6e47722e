import { mkdirSync } from "node:fs";
import { pathOfTool } from "../support/tool.ts";
import { type Backend, connects, freePort } from "./backend.ts";
import { type Program, startProgram } from "./program.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import { until } from "./wait.ts";

export interface Nginx extends Backend {
  /** What it serves. */
  readonly files: Scratch;
}

/** nginx as one process with folders of its own; `locations` goes into its first server, `beside` next to that. */
export async function startNginx(locations: string, beside = ""): Promise<Nginx> {
  const files = createScratch();
  for (const name of ["html", "temporary"]) mkdirSync(files.path(name));
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const file = files.write("nginx.conf", configuration(files, port, locations, beside));
    const program = startProgram([
      pathOfTool("nginx") ?? "nginx",
      "-c",
      file,
      "-p",
      files.folder,
      "-e",
      files.path("error.log"),
    ]);
    if (await hasStarted(program, port))
      return Object.defineProperties(program, { port: { value: port }, files: { value: files } }) as Nginx;
    await program.stop();
    if (tries === 3) throw new Error(`nginx does not start: ${program.stderr}`);
  }
}

function configuration(files: Scratch, port: number, locations: string, beside: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${files.path(`temporary/${name}`)};`)
    .join("\n  ");
  return `daemon off;
master_process off;
pid ${files.path("nginx.pid")};
events { worker_connections 512; }
http {
  access_log off;
  ${temporary}
  client_max_body_size 0;
  keepalive_requests 100000;
  server {
    listen 127.0.0.1:${port};
    root ${files.path("html")};
    ${locations}
  }
  ${beside}
}
`;
}

async function hasStarted(program: Program, port: number): Promise<boolean> {
  return await until(
    async () => (!program.isRunning ? "no" : (await connects(port)) ? "yes" : null),
    "nginx to listen",
  ).then((answer) => answer === "yes");
}
