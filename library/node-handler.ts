/** A proxy as handlers for node:http, and for all that is built on it: Express, Fastify, middlewares as Vite has them. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { emitWarning } from "node:process";
import type { Duplex } from "node:stream";
import { MountedProxy, type MountOptions, type MountSource } from "./mounted-proxy.ts";
import { breakOff, isGone, isReadAlready, isReadAsText, NodeRequest } from "./node-request.ts";
import { NodeUpgrade } from "./node-upgrade.ts";
import type { Proxy as RunningProxy } from "./proxy.ts";

/** A proxy as a handler of node:http. */
export interface NodeHandler {
  /**
   * Answers what the proxy answers. `next` is called with an error only: when the proxy cannot start, or somebody else
   * has read the body, has it read as text, or has begun the response. Without `next` these are answered 500, and the
   * first one is a warning of the process. Needs no `this`.
   */
  readonly request: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    next?: (error?: unknown) => void,
  ) => void;
  /** For `server.on("upgrade", …)`: WebSockets and other protocols, as bytes both ways once the server has agreed. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
  readonly proxy: RunningProxy;
  /** Stops the proxy if it was made for this handler; one that was given goes on. */
  close(): Promise<void>;
  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A configuration is compiled now (and throws a `ConfigError`), and its proxy starts with the first request. A given
 * proxy must have started.
 */
export function createNodeHandler(source: MountSource, options: MountOptions = {}): NodeHandler {
  const mounted = new MountedProxy(source, options);
  let isTold = false;
  /** Once, for what keeps a proxy from starting keeps every request. */
  const tell = (error: unknown): void => {
    if (!isTold) emitWarning(error instanceof Error ? error : new Error(String(error)));
    isTold = true;
  };
  return {
    proxy: mounted.proxy,
    close: () => mounted.close(),
    [Symbol.asyncDispose]: () => mounted.close(),
    request(given, answered, next) {
      // Those of node:http2 are alike in all that is used here.
      const request = given as IncomingMessage;
      const response = answered as ServerResponse;
      const fail = (error: unknown): void => {
        if (next !== undefined) next(error);
        else {
          tell(error);
          if (response.headersSent) breakOff(request, response);
          else {
            response.statusCode = 500;
            response.end("the proxy could not take the request; standard error says why\n");
          }
        }
      };
      // node:http2 shows a request whose client has gone as one that was read.
      if (isGone(request, response)) return;
      if (response.headersSent) {
        fail(new Error("the response had begun before the request came to the proxy: somebody else answers it"));
        return;
      }
      if (isReadAlready(request)) {
        fail(new Error("the request's body was read before it came to the proxy: mount it before parsers of bodies"));
        return;
      }
      if (isReadAsText(request)) {
        fail(
          new Error(
            "the request's body is read as text, not as bytes: mount the proxy before what calls setEncoding()",
          ),
        );
        return;
      }
      whenReady(mounted, () => new NodeRequest(mounted, request, response).begin(), fail);
    },
    upgrade(request, socket, head) {
      // While the proxy starts the client may go, and an error nobody listens to would end the process.
      socket.on("error", () => {});
      const fail = (error: unknown): void => {
        tell(error);
        socket.end("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      };
      whenReady(mounted, () => new NodeUpgrade(mounted, request, socket, head).begin(), fail);
    },
  };
}

function whenReady(mounted: MountedProxy, begin: () => void, fail: (error: unknown) => void): void {
  const guarded = (): void => {
    try {
      begin();
    } catch (error) {
      fail(error);
    }
  };
  const starting = mounted.starting();
  if (starting === null) guarded();
  else starting.then(guarded, fail);
}
