import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { dropHopByHopOfRequest, dropHopByHopOfResponse, dropUnsafeTrailers } from "../../../core/http/hop.ts";
import { fieldsOf, kept } from "./heads.ts";

type Drop = "request" | "trusted request" | "response" | "trailers";

/** Which of these names pass. */
function passing(drop: Drop, names: readonly string[]): string[] {
  const fields = fieldsOf(...names.map((name) => `${name}: x`));
  if (drop === "response") dropHopByHopOfResponse(fields);
  else if (drop === "trailers") dropUnsafeTrailers(fields);
  else dropHopByHopOfRequest(fields, drop === "trusted request");
  return kept(fields).map((line) => line.slice(0, -3));
}

const passes = (drop: Drop, ...names: readonly string[]): void => assert.deepEqual(passing(drop, names), names, drop);
const stops = (drop: Drop, ...names: readonly string[]): void => assert.deepEqual(passing(drop, names), [], drop);

const HOP_BY_HOP = [
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "HTTP2-Settings",
];
const VOUCHING = [
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Real-IP",
  "Forwarded",
  "True-Client-IP",
  "CF-Connecting-IP",
  "X-Original-URL",
  "X-Rewrite-URL",
  "X-Client-Cert",
  "X-Client-Cert-Subject-Distinguished-Name",
  "X-Forwarded",
  "X-Forwarded-Ssl",
  "X-Forwarded-Scheme",
  "X-Forwarded-Protocol",
  "X-Forwarded-User",
  "X-Forwarded-Email",
  "X-Forwarded-Client-Cert",
  "X-Url-Scheme",
  "Front-End-Https",
  "X-Original-Host",
  "X-Host",
  "X-Client-IP",
  "Client-IP",
  "Fastly-Client-IP",
  "X-Cluster-Client-IP",
  "SSL-Client-S-DN",
  "SSL_CLIENT_VERIFY",
];
const END_TO_END = ["Host", "Cookie", "Authorization", "Accept", "Via", "X-Anything", "X_Anything", "Proxy-X", "Date"];

describe("fields of one hop", () => {
  it("stop in both directions", () => {
    stops("request", ...HOP_BY_HOP, ...HOP_BY_HOP.map((name) => name.toUpperCase()), "Proxy");
    stops("trusted request", ...HOP_BY_HOP, "Proxy");
    stops("response", ...HOP_BY_HOP);
  });

  it("let all others pass", () => {
    passes("request", ...END_TO_END);
    passes("response", ...END_TO_END, "Set-Cookie", "WWW-Authenticate", "Proxy", "X-Forwarded-For", "Content-Length");
  });
});

describe("fields by which a proxy vouches", () => {
  it("pass from a trusted proxy only", () => {
    stops("request", ...VOUCHING);
    passes("trusted request", ...VOUCHING);
  });
});

describe("aliases", () => {
  it("stop where a server behind us could take them for the real ones", () => {
    const aliases = [
      "Content_Length",
      "Transfer.Encoding",
      "Proxy_Connection",
      "X_Forwarded_For",
      "X-Real_IP",
      "X-Forwarded-Client_Cert",
    ];
    stops("request", ...aliases);
    stops("trusted request", ...aliases);
    stops("response", "Content_Length", "Transfer_Encoding", "Keep_Alive");
  });

  it("pass where they mean no harm", () => passes("request", "X_HTTP_Method_Override", "Content_Type", "User.Agent"));
});

describe("trailers", () => {
  it("stop when they would change what was acted upon (C14)", () => {
    stops("trailers", "Content-Length", "Transfer-Encoding", "Host", "Connection", "Authorization", "Cookie");
    stops("trailers", "Set-Cookie", "X-Forwarded-For", "Trailer", "Content-Type", "Content_Length");
  });

  it("pass otherwise", () => passes("trailers", "X-Checksum", "Grpc-Status", "ETag", "Server-Timing"));
});
