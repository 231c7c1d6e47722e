import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { lacksTool } from "../support/tool.ts";
import { type Backend, startNodeBackend } from "./backend.ts";
import { curl, fieldOf } from "./curl.ts";
import { type Millrace, startForwarding } from "./millrace.ts";
import { createScratch } from "./scratch.ts";

describe("curl through the proxy to Node's server", { ignore: lacksTool("curl") }, () => {
  const scratch = createScratch();
  const upload = Buffer.alloc(3_000_001, "The quick brown fox jumps over the lazy dog. ");
  const sha256 = createHash("sha256").update(upload).digest("hex");
  const uploadFile = scratch.write("upload", upload);
  let backend: Backend;
  let proxy: Millrace;
  const url = (path: string) => `${proxy.url}${path}`;

  beforeAll(async () => {
    backend = await startNodeBackend();
    proxy = await startForwarding(backend.port);
  });
  afterAll(async () => {
    await proxy?.stop();
    await backend?.stop();
    scratch.remove();
  });

  it("GETs bodies of known and unknown length", async () => {
    for (const [path, length] of [
      ["/bytes/0", 0],
      ["/bytes/1", 1],
      ["/bytes/1000000", 1_000_000],
      ["/chunked/0", 0],
      ["/chunked/1000000", 1_000_000],
    ] as const) {
      const direct = await curl([`http://127.0.0.1:${backend.port}${path}`]);
      const answer = await curl([url(path)]);
      assert.equal(answer.code, 0, answer.stderr);
      assert.equal(answer.status, 200);
      assert.equal(answer.body.length, length, path);
      assert.ok(answer.body === direct.body, `${path}: the body differs`);
      for (const name of ["Content-Length", "Transfer-Encoding"]) {
        assert.equal(fieldOf(answer.head, name), fieldOf(direct.head, name), `${path}: ${name}`);
      }
    }
  });

  it("HEADs, with the length of the body that does not come", async () => {
    const answer = await curl(["--head", url("/bytes/1000")]);
    assert.deepEqual([answer.code, answer.status, fieldOf(answer.head, "Content-Length")], [0, 200, "1000"]);
    const unknown = await curl(["--head", url("/chunked/1000")]);
    assert.deepEqual([unknown.code, unknown.status, fieldOf(unknown.head, "Content-Length")], [0, 200, null]);
  });

  it("answers 204 and 304 without a body, and goes on with the connection", async () => {
    const answer = await curl([url("/status/204"), url("/status/304"), url("/bytes/3")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.deepEqual(
      [...answer.head.matchAll(/^HTTP\/1.1 (\d+)/gm)].map((found) => found[1]),
      ["204", "304", "200"],
    );
    assert.equal(answer.connects, 1);
    assert.equal(answer.body.length, 3);
  });

  it("POSTs a form", async () => {
    const answer = await curl(["--data", "a=1&b=2", url("/echo")]);
    const seen = JSON.parse(answer.body);
    assert.deepEqual([seen.method, seen.bytes, seen.target], ["POST", 7, "/echo"]);
  });

  it("PUTs a file with its length", async () => {
    const answer = await curl(["-T", uploadFile, url("/upload")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(answer.body, `${upload.length} ${sha256}`);
  });

  it("PUTs what it reads from its input, chunked", async () => {
    const answer = await curl(["-T", "-", url("/upload")], upload);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(answer.body, `${upload.length} ${sha256}`);
  });

  it("waits for 100 Continue from a server that sends one", async () => {
    const answer = await curl([
      "-H",
      "Expect: 100-continue",
      "--expect100-timeout",
      "5",
      "-T",
      uploadFile,
      url("/upload"),
    ]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.match(answer.head, /^HTTP\/1.1 100 Continue\r\n/);
    assert.equal(answer.body, `${upload.length} ${sha256}`);
  });

  it("shows the refusal of a server that wants no body", async () => {
    const answer = await curl([
      "-H",
      "Expect: 100-continue",
      "--expect100-timeout",
      "5",
      "-T",
      uploadFile,
      url("/refuse"),
    ]);
    assert.equal(answer.status, 401, answer.stderr);
    assert.equal(answer.body, "not you\n");
  });

  it("shows an answer that comes before the body was read", async () => {
    const answer = await curl(["-T", uploadFile, url("/early")]);
    assert.equal(answer.status, 413, answer.stderr);
    assert.equal(answer.body, "too much\n");
  });

  it("shows such an answer of a server that closes with most of the body unread", async () => {
    for (let i = 0; i < 8; i++) {
      const answer = await curl(["-H", "Expect:", "-T", uploadFile, url("/early-close")]);
      assert.equal(answer.status, 413, answer.stderr);
      assert.equal(answer.body, "too much\n");
    }
  });

  it("serves HTTP/1.0 clients: no chunks, an end at the end", async () => {
    const known = await curl(["--http1.0", url("/bytes/70000")]);
    assert.deepEqual([known.code, known.status, known.body.length], [0, 200, 70_000]);
    const unknown = await curl(["--http1.0", url("/chunked/70000")]);
    assert.deepEqual([unknown.code, unknown.status, unknown.body.length], [0, 200, 70_000]);
    assert.equal(fieldOf(unknown.head, "Transfer-Encoding"), null);
    const posted = await curl(["--http1.0", "--data", "abc", url("/echo")]);
    assert.equal(JSON.parse(posted.body).bytes, 3);
  });

  it("keeps one connection for many requests", async () => {
    const answer = await curl([url("/bytes/10"), url("/chunked/10"), "--data", "x", url("/upload"), url("/bytes/10")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(answer.connects, 1);
  });

  it("closes when asked to", async () => {
    const answer = await curl(["-H", "Connection: close", url("/bytes/10"), url("/bytes/10")]);
    assert.deepEqual([answer.code, answer.connects, fieldOf(answer.head, "Connection")], [0, 2, "close"]);
  });

  it("follows redirects", async () => {
    const answer = await curl(["--location", url("/redirect")]);
    assert.deepEqual([answer.code, answer.status, answer.body.length], [0, 200, 5]);
  });

  it("leaves compressed bodies as they are", async () => {
    const answer = await curl(["--compressed", url("/gzip")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(answer.body, "squeezed ".repeat(1000));
    assert.equal(fieldOf(answer.head, "Content-Encoding"), "gzip");
  });

  it("passes trailers to a client that takes them, and not to others", async () => {
    const wanting = await curl(["-H", "TE: trailers", "-H", "Connection: TE", url("/trailers")]);
    assert.deepEqual([wanting.code, wanting.body], [0, "with trailers\n"]);
    assert.match(wanting.head, /X-Sum: abc\r\nX-Sum-2: def\r\n/i);
    const other = await curl([url("/trailers")]);
    assert.deepEqual([other.code, other.body], [0, "with trailers\n"]);
    assert.doesNotMatch(other.head, /X-Sum: abc/i);
  });

  it("passes early hints", async () => {
    const answer = await curl([url("/hints")]);
    assert.match(
      answer.head,
      /^HTTP\/1.1 103 Early Hints\r\nlink: <\/style.css>; rel=preload; as=style\r\n\r\nHTTP\/1.1 200/i,
    );
    assert.equal(answer.body, "hinted\n");
  });

  it("runs many transfers at once", async () => {
    const answer = await curl([
      "--parallel",
      "--parallel-max",
      "30",
      "-o",
      "/dev/null",
      url("/bytes/[1000-1099]"),
      "-o",
      "/dev/null",
      url("/chunked/[1000-1099]"),
    ]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal([...answer.head.matchAll(/^HTTP\/1.1 200/gm)].length, 200);
  });

  it("downloads to a file what was there", async () => {
    const file = scratch.path("download");
    const answer = await curl(["--output", file, url("/bytes/20000000")]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.equal(readFileSync(file).length, 20_000_000);
  });
});
