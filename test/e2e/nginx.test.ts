import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { curl, fieldOf } from "./curl.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { type Nginx, startNginx } from "./nginx.ts";

const locations = `
    location /upload { client_body_in_file_only off; dav_methods PUT; create_full_put_path on; root ./html; }
    location /limited { client_max_body_size 1k; proxy_pass http://127.0.0.1:1; }
    location /headers { add_header X-Twice one; add_header X-Twice two; return 200 "ok\\n"; }
    location /moved { return 301 /file; }
    # Without gzip_proxied nginx compresses nothing that is asked for with Via.
    location /squeezed { gzip on; gzip_proxied any; gzip_min_length 1; gzip_types *; alias ./html/file; }
`;

describe("nginx behind the proxy", { ignore: lacksTool("nginx") || lacksTool("curl") }, () => {
  const content = Buffer.alloc(2_000_000, "nginx serves this. ");
  let nginx: Nginx;
  let proxy: Millrace;
  const url = (path: string) => `${proxy.url}${path}`;

  beforeAll(async () => {
    nginx = await startNginx(locations);
    nginx.files.write("html/file", content);
    proxy = await startForwarding(nginx.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await nginx?.stop();
    nginx?.files.remove();
  });

  it("sends a file as it is", async () => {
    const answer = await curl([url("/file")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.ok(answer.body === content.toString("latin1"));
    assert.match(fieldOf(answer.head, "Server") ?? "", /^nginx/);
  });

  it("sends ranges, and several of them", async () => {
    const one = await curl(["--range", "5-9", url("/file")]);
    assert.deepEqual([one.code, one.status, one.body], [0, 206, content.toString("latin1", 5, 10)]);
    const several = await curl(["--range", "0-1,10-12", url("/file")]);
    assert.equal(several.status, 206);
    assert.match(fieldOf(several.head, "Content-Type") ?? "", /^multipart\/byteranges/);
    const beyond = await curl(["--range", "3000000-", url("/file")]);
    assert.equal(beyond.status, 416);
  });

  it("answers conditional requests", async () => {
    const first = await curl(["--head", url("/file")]);
    const again = await curl(["-H", `If-None-Match: ${fieldOf(first.head, "ETag")}`, url("/file")]);
    assert.deepEqual([again.code, again.status, again.body], [0, 304, ""]);
  });

  it("compresses on its own, chunked", async () => {
    const answer = await curl(["--compressed", url("/squeezed")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(fieldOf(answer.head, "Content-Encoding"), "gzip");
    assert.ok(answer.body === content.toString("latin1"));
  });

  it("asks for a body by 100 Continue, or refuses one", async () => {
    const taken = await curl(
      ["-H", "Expect: 100-continue", "--expect100-timeout", "5", "-T", "-", url("/upload/a")],
      content,
    );
    assert.equal(taken.status, 201, taken.stderr);
    assert.match(taken.head, /^HTTP\/1.1 100 Continue/);
    const back = await curl([url("/upload/a")]);
    const digest = (text: string | Buffer) => createHash("sha256").update(text.toString("latin1")).digest("hex");
    assert.equal(digest(back.body), digest(content));
    const refused = await curl([
      "-H",
      "Expect: 100-continue",
      "--expect100-timeout",
      "5",
      "-T",
      nginx.files.path("html/file"),
      url("/limited"),
    ]);
    assert.equal(refused.status, 413, refused.stderr);
  });

  it("repeats fields, redirects, and answers errors", async () => {
    const headers = await curl([url("/headers")]);
    assert.match(headers.head, /X-Twice: one\r\nX-Twice: two\r\n/);
    const moved = await curl(["--location", "-o", "/dev/null", url("/moved")]);
    assert.match(moved.head, /^HTTP\/1.1 301/);
    // nginx names the host it was called by: the client's, without its port.
    assert.match(moved.head, /Location: http:\/\/127\.0\.0\.1(:\d+)?\/file\r\n/);
    const missing = await curl([url("/no%20such")]);
    assert.equal(missing.status, 404);
  });

  it("serves HTTP/1.0 clients", async () => {
    const answer = await curl(["--http1.0", "-H", "Connection: keep-alive", url("/file"), url("/file")]);
    assert.deepEqual([answer.code, answer.connects, answer.body.length], [0, 1, 4_000_000]);
    const squeezed = await curl(["--http1.0", "--compressed", url("/squeezed")]);
    assert.deepEqual([squeezed.code, squeezed.body.length], [0, 2_000_000]);
  });
});
