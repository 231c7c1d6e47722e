/** What other proxies call things, or where else they have them, and what is written here: for unknown keys. */

type Hints = Readonly<Record<string, string>>;

/** Everybody writes it in another way. */
const CHECK_NAMES =
  "healthCheck healthChecks healthcheck healthchecks health-check health-checks health_check health_checks";

/** All of ours. */
const CHECK_KEYS = "kind method path host headers status body interval fastInterval timeout rise fall jitter port";

const NO_TLS = "there is no TLS yet; have it ended in front of Millrace";
const NO_PROXY_PROTOCOL = "there is no PROXY protocol yet; ";

export const TOP_LEVEL_HINTS: Hints = {
  ...all("backend backends services clusters", called("upstreams")),
  ...all("bind entryPoints frontend frontends", called("listeners")),
  ...all("location locations rules", called("routes")),
  ...all("resolver resolvers", called("dns")),
  ...all("server http", "write listeners, upstreams and routes"),
  ...all("defaults global", "write limits and timeouts"),
  ...all("balance breaker health hedge pool retries sticky", "it belongs to an upstream"),
  ...all("match redirect respond", "it belongs to one of the routes"),
  ...all(CHECK_NAMES, "it belongs to an upstream, and is called health.check here"),
  ...all("certificates ssl tls", NO_TLS),
};

export const LISTENER_HINTS: Hints = {
  ...all("bind listen", called("address")),
  ...all("host port", 'write both as address, such as "127.0.0.1:8080" or ":8080"'),
  ...all("cert certificate ssl tls", NO_TLS),
  ...all(
    "accept-proxy acceptProxy proxyProtocol proxy_protocol",
    `${NO_PROXY_PROTOCOL}who stands in front says X-Forwarded-For, and trustedProxies names it`,
  ),
};

export const UPSTREAM_HINTS: Hints = {
  ...all("algorithm hash ip_hash least_conn lb lb_policy loadBalancer", called("balance")),
  ...all("agent check ejection panicThreshold", "it belongs to health"),
  ...all(CHECK_NAMES, called("health.check")),
  ...all("keepalive queue", called("pool")),
  ...all("circuitBreaker", called("breaker")),
  ...all("retry", called("retries")),
  ...all("maxConnections", "it belongs to each of the servers; breaker.connections bounds all of them together"),
  ...all("ssl tls", NO_TLS),
};

export const HEALTH_HINTS: Hints = {
  ...all(`active ${CHECK_NAMES}`, called("check")),
  ...all(CHECK_KEYS, "it belongs to health.check"),
  ...all("outliers passive", called("ejection")),
};

export const SERVER_HINTS: Hints = {
  ...all("host port", 'write both as address, such as "127.0.0.1:9000"'),
  ...all("server url", called("address")),
  ...all("max_conns maxconn", called("maxConnections")),
  ...all("max_fails fail_timeout", "write health.ejection at the upstream"),
  ...all(`check health ${CHECK_NAMES}`, "write health.check at the upstream"),
  ...all("slow_start slowstart slowStart", "write slowStart at the upstream"),
  ...all("disabled down", "write state: maintenance"),
  ...all(
    "proxyProtocol proxy_protocol send-proxy send-proxy-v2 sendProxy",
    `${NO_PROXY_PROTOCOL}servers are told of clients by X-Forwarded-For`,
  ),
  ...all("ssl tls", NO_TLS),
};

export const ROUTE_HINTS: Hints = {
  ...all("backend default_backend proxy_pass service to use_backend", called("upstream")),
  ...all("return", called("redirect or respond")),
  ...all("location", called("match.path")),
  ...all("client header listener method not path query", "it belongs to match"),
  ...all("headers", "write request or response, with set, add or remove"),
  ...all("stripPrefix", "it belongs to rewrite"),
  ...all("retries", "it belongs to the upstream"),
};

export const MATCH_HINTS: Hints = {
  ...all("domain hostname server_name", called("host")),
  ...all("location pathPrefix prefix uri url", called("path")),
  ...all("address ip remote_addr src", called("client")),
  ...all("cookie cookies", "write header: { Cookie: { regex: … } }"),
};

export const LIMIT_HINTS: Hints = {
  ...all("body client_max_body_size", called("requestBody")),
  ...all("maxConnections maxconn worker_connections", called("clientConnections")),
};

/** Of a route, which has some of them only. */
export const ROUTE_LIMIT_HINTS: Hints = {
  ...LIMIT_HINTS,
  ...all("maxConnections maxconn worker_connections", ofAll("limits.clientConnections")),
};

export const TIMEOUT_HINTS: Hints = {
  ...all("client_header_timeout http-request", called("requestHead")),
  ...all("client_body_timeout", called("requestBodyIdle")),
  ...all("http-keep-alive keepalive_timeout", called("keepAliveIdle")),
  ...all("send_timeout write", called("sendIdle")),
  ...all("proxy_connect_timeout", called("connect")),
  ...all("client", called("requestBodyIdle and sendIdle")),
  ...all("proxy_read_timeout read server", called("firstByte and responseIdle")),
  ...all("tunnel", called("tunnelIdle")),
};

export const ROUTE_TIMEOUT_HINTS: Hints = {
  ...TIMEOUT_HINTS,
  ...all("client_header_timeout http-request", ofAll("timeouts.requestHead")),
  ...all("http-keep-alive keepalive_timeout", ofAll("timeouts.keepAliveIdle")),
};

export const UPSTREAM_TIMEOUT_HINTS: Hints = {
  ...all("responseIdle", called("idle")),
  ...all("proxy_read_timeout read server", called("firstByte and idle")),
  ...all("poolIdle", called("pool.idleTimeout")),
  ...all("queue", called("pool.queueTimeout")),
  ...all("requestBodyIdle sendIdle total tunnelIdle", "it belongs to the timeouts of a route, or of the top level"),
};

function ofAll(name: string): string {
  return `it holds for the whole server: ${name}, at the top level`;
}

function called(name: string): string {
  return `it is called ${name} here`;
}

function all(names: string, hint: string): Hints {
  return Object.fromEntries(names.split(" ").map((name) => [name, hint]));
}
