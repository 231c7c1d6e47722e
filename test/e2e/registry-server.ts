// A stand-in for an npm registry, run by itself on Node. It has one package, `@millrace-test/hello`, says every request
// target as it came (`target …`), and points to the tarball by the host it was called by.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";
import { gzipSync } from "node:zlib";

setTimeout(() => process.exit(3), 120_000).unref();

const name = "@millrace-test/hello";
const manifest = { name, version: "1.0.0", main: "index.js" };
const tarball = gzipSync(
  Buffer.concat([
    tarEntry("package/package.json", JSON.stringify(manifest)),
    tarEntry("package/index.js", 'module.exports = "hello";\n'),
    tarEntry("package/filling.txt", "filling ".repeat(100_000)),
    Buffer.alloc(1024),
  ]),
);

const server = createServer((request, response) => {
  console.log(`target ${request.method} ${request.url}`);
  if (request.url === "/@millrace-test%2fhello") {
    const dist = {
      tarball: `http://${request.headers.host}/@millrace-test/hello/-/hello-1.0.0.tgz`,
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
    };
    const document = { name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": { ...manifest, dist } } };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(document));
  } else if (request.url === "/@millrace-test/hello/-/hello-1.0.0.tgz") {
    response.writeHead(200, { "Content-Type": "application/octet-stream" }).end(tarball);
  } else {
    response.writeHead(404, { "Content-Type": "application/json" }).end("{}");
  }
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(`listening ${typeof address === "object" ? address?.port : 0}`);
});

/** One file in the ustar format (POSIX.1-1988): a header of 512 bytes, then the content in blocks of 512. */
function tarEntry(path: string, text: string): Buffer {
  const content = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
