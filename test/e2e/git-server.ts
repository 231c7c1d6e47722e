// git over HTTP, run by itself on Node: `git-server.ts ROOT` serves the repositories below ROOT, by `git http-backend`
// under /smart/, and as plain files under /dumb/.

import { spawn } from "node:child_process";
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import process from "node:process";

setTimeout(() => process.exit(3), 120_000).unref();

const [root = ""] = process.argv.slice(2);

const server = createServer((request, response) => {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  console.log(
    `${request.method} ${request.url} ${request.headers["transfer-encoding"] ?? request.headers["content-length"] ?? ""}`,
  );
  const [, way = "", path = ""] = /^\/(smart|dumb)(\/.*)$/.exec(pathname) ?? [];
  if (way === "smart") runBackend(request, response, path, search.slice(1));
  else sendFile(response, path);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening ${typeof address === "object" ? address?.port : 0}`);
});

function sendFile(response: ServerResponse, path: string): void {
  const file = join(root, path);
  const isFile = path !== "" && (statSync(file, { throwIfNoEntry: false })?.isFile() ?? false);
  if (!isFile) {
    response.writeHead(404).end();
    return;
  }
  createReadStream(file).pipe(response);
}

/** RFC 3875, as far as git needs it. */
function runBackend(request: IncomingMessage, response: ServerResponse, path: string, query: string): void {
  const { headers } = request;
  const child = spawn("git", ["http-backend"], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: headers["content-type"] ?? "",
      ...(headers["content-length"] === undefined ? {} : { CONTENT_LENGTH: headers["content-length"] }),
      HTTP_CONTENT_ENCODING: String(headers["content-encoding"] ?? ""),
      GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
      REMOTE_USER: "tester",
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  let start: Buffer | null = Buffer.alloc(0);
  child.stdout.on("data", (piece: Buffer) => {
    if (start === null) {
      response.write(piece);
      return;
    }
    start = Buffer.concat([start, piece]);
    const end = start.indexOf("\r\n\r\n");
    if (end < 0) return;
    let status = 200;
    for (const line of start.toString("latin1", 0, end).split("\r\n")) {
      const [, name = "", value = ""] = /^([^:]+): *(.*)$/.exec(line) ?? [];
      if (name === "Status") status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(start.subarray(end + 4));
    start = null;
  });
  child.on("close", () => response.end());
}
