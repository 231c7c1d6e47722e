/** nginx twice: as the origin everything is measured against, and as the proxy everything is compared with. */

import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

/** What the origin serves. */
export const PATHS = { small: "/small", "64k": "/64k", "1m": "/1m" } as const;

const SMALL_BODY = "x".repeat(128);

export function writeOriginConfig(folder: string, port: number): readonly string[] {
  const root = join(folder, "files");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "64k"), Buffer.alloc(64 * 1024, "abcdefgh"));
  writeFileSync(join(root, "1m"), Buffer.alloc(1024 * 1024, "abcdefgh"));
  return writeConfig(folder, {
    http: "sendfile on; tcp_nopush on; open_file_cache max=10;",
    server: `listen 127.0.0.1:${port} backlog=4096;
      location = ${PATHS.small} { default_type text/plain; return 200 "${SMALL_BODY}"; }
      location / { root ${root}; }`,
  });
}

export function writeProxyConfig(folder: string, port: number, originPort: number): readonly string[] {
  return writeConfig(folder, {
    // No temporary files: what is measured is forwarding, not the disk.
    http: `upstream origin { server 127.0.0.1:${originPort}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }
    proxy_max_temp_file_size 0;`,
    server: `listen 127.0.0.1:${port} backlog=4096;
      location / {
        proxy_pass http://origin;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $http_host;
      }`,
  });
}

/** Returns the arguments that start nginx on it. */
function writeConfig(folder: string, { http, server }: { readonly http: string; readonly server: string }): string[] {
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
  server {
    ${server}
  }
}
`;
  const path = join(folder, "nginx.conf");
  writeFileSync(path, config);
  return ["-p", folder, "-e", "stderr", "-c", path];
}
