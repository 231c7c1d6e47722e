import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { post, stageWith, statusesTo } from "../../scenario/stage.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

async function play(request: string) {
  const stage = await stageWith({
    routes: [{ match: { path: "/api/*" }, upstream: "app", limits: { requestBody: 3 } }],
  } as never);
  const client = stage.ask(request);
  const [status] = statusesTo(client);
  await stage.close();
  return status;
}

describe("finding the route of a request", () => {
  it("answers one, or why there is none", async () => {
    assert.equal(await play(get("/api/x")), 200);
    assert.equal(await play(get("/other")), 404);
    assert.equal(await play(get("/api/%zz")), 400);
  });

  it("goes by the limits of the route from there on", async () => {
    const upload = (body: string) => post(body).replace("POST /", "POST /api/");
    assert.equal(await play(upload("abc")), 200);
    assert.equal(await play(upload("abcd")), 413);
  });
});
