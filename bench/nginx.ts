/** nginx twice: as the origin everything is measured against, and as the proxy everything is compared with. */

import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { hostOfRoute, ROUTE_HOSTS, ROUTE_PATHS } from "./many-routes.ts";

/** What the origin serves. */
export const PATHS = { small: "/small", "64k": "/64k", "1m": "/1m", post: "/post", route: "/route" } as const;

const SMALL_BODY = "x".repeat(128);

export function writeOriginConfig(folder: string, port: number): readonly string[] {
  const root = join(folder, "files");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "64k"), Buffer.alloc(64 * 1024, "abcdefgh"));
  writeFileSync(join(root, "1m"), Buffer.alloc(1024 * 1024, "abcdefgh"));
  return writeConfig(folder, {
    http: "sendfile on; tcp_nopush on; open_file_cache max=10;",
    servers: `server {
      listen 127.0.0.1:${port} backlog=4096;
      client_body_buffer_size 64k;
      default_type text/plain;
      location = ${PATHS.small} { return 200 "${SMALL_BODY}"; }
      location = ${PATHS.post} { return 200 "${SMALL_BODY}"; }
      location ${PATHS.route} { return 200 "${SMALL_BODY}"; }
      location / { root ${root}; }
    }`,
  });
}

export function writeProxyConfig(
  folder: string,
  port: number,
  originPort: number,
  hasManyRoutes: boolean,
): readonly string[] {
  // The backlog may be said once.
  const server = (name: string, locations: readonly string[]) => `server {
      listen 127.0.0.1:${port}${name === "bench" ? " backlog=4096" : ""};
      server_name ${name};
      ${locations.map((path) => `location ${path} { proxy_pass http://origin; }`).join("\n")}
    }`;
  const paths = Array.from({ length: ROUTE_PATHS }, (_, i) => `${PATHS.route}${i}/`);
  const more = Array.from({ length: hasManyRoutes ? ROUTE_HOSTS : 0 }, (_, i) => server(hostOfRoute(i), paths));
  return writeConfig(folder, {
    // No temporary files: what is measured is forwarding, not the disk. Bodies are passed on as they come, as by Millrace.
    http: `upstream origin { server 127.0.0.1:${originPort}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }
    proxy_max_temp_file_size 0;
    client_body_buffer_size 64k;
    proxy_request_buffering off;
    server_names_hash_max_size 1024;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;`,
    servers: [server("bench", ["/"]), ...more].join("\n"),
  });
}

/** Returns the arguments that start nginx on it. */
function writeConfig(folder: string, { http, servers }: { readonly http: string; readonly servers: string }): string[] {
  mkdirSync(folder, { recursive: true });
  const { uid, username } = userInfo();
  const config = `${uid === 0 ? `user ${username};` : ""}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${join(folder, "pid")};
error_log stderr error;
events { worker_connections 10000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${join(folder, name)};`).join(" ")}
  ${http}
  ${servers}
}
`;
  const path = join(folder, "nginx.conf");
  writeFileSync(path, config);
  return ["-p", folder, "-e", "stderr", "-c", path];
}
