/** What the system says about names: its hosts file, its resolvers, its search list. Linux and the BSDs. */

import { readFileSync, statSync } from "node:fs";
import type { RecordType, TcpAddress } from "../core/runtime.ts";
import { plainName } from "./dns-message.ts";
import { isPermitted } from "./permission.ts";

export interface Resolvers {
  readonly servers: readonly TcpAddress[];
  readonly search: readonly string[];
  /** A name with fewer dots is tried with the search list first. */
  readonly dots: number;
}

const HOSTS_FILE = "/etc/hosts";
const RESOLVERS_FILE = "/etc/resolv.conf";
/** Lists that block advertisements come to 5 MB; beyond that it is no hosts file. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const DNS_PORT = 53;
/** As in the C library. */
const SERVERS_MAX = 3;
const SEARCH_MAX = 6;
const DOTS_MAX = 15;

/** Addresses in the hosts file; null when the name is not in it. `localhost` is known without (RFC 6761 section 6.3). */
export function lookUpHosts(name: string, type: RecordType): readonly string[] | null {
  const known = hosts.read()?.get(name) ?? (isLocalhost(name) ? LOCALHOST : null);
  if (known === null) return null;
  return known.filter((address) => address.includes(":") === (type === "AAAA"));
}

/** Or why there are none. */
export function systemResolvers(): Resolvers | { readonly problem: string } {
  if (!isPermitted({ name: "read", path: RESOLVERS_FILE })) {
    return { problem: `no permission to read ${RESOLVERS_FILE}: allow it, or name resolvers in dns.servers` };
  }
  const found = resolvers.read();
  // Without the file, or with none in it, the C library asks this machine.
  return found ?? parseResolvers("");
}

export function parseHosts(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if (address === undefined || !isAddress(address)) continue;
    for (const written of names) {
      const name = plainName(written);
      if (name === null) continue;
      const addresses = found.get(name);
      if (addresses === undefined) found.set(name, [address]);
      else if (!addresses.includes(address)) addresses.push(address);
    }
  }
  return found;
}

export function parseResolvers(text: string): Resolvers {
  const servers: TcpAddress[] = [];
  let search: string[] = [];
  let dots = 1;
  for (const line of text.split("\n")) {
    const [key, ...values] = (line.split(/[#;]/)[0] ?? "").trim().split(/\s+/);
    const first = values[0] ?? "";
    if (key === "nameserver" && isAddress(first)) servers.push({ kind: "tcp", host: first, port: DNS_PORT });
    else if (key === "search" || key === "domain") search = values.map(plainName).filter((domain) => domain !== null);
    else if (key === "options") {
      for (const option of values) {
        if (option.startsWith("ndots:"))
          dots = Math.min(Math.max(0, Math.trunc(Number(option.slice(6))) || 0), DOTS_MAX);
      }
    }
  }
  if (servers.length === 0) servers.push({ kind: "tcp", host: "127.0.0.1", port: DNS_PORT });
  return { servers: servers.slice(0, SERVERS_MAX), search: search.slice(0, SEARCH_MAX), dots };
}

const LOCALHOST: readonly string[] = ["127.0.0.1", "::1"];

function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/** Good enough for a file that the administrator writes; a link-local address with its zone passes, too. */
function isAddress(text: string): boolean {
  return /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(text) || (text.includes(":") && /^[0-9a-f:.]+(%[\w.-]+)?$/i.test(text));
}

/** Read again only when it has changed. */
class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #version = "";
  #value: T | null = null;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
  }

  /** Null when it is not there or may not be read. */
  read(): T | null {
    if (!isPermitted({ name: "read", path: this.#path })) return null;
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) {
        this.#value = size > FILE_BYTES_MAX ? null : this.#parse(readFileSync(this.#path, "utf8"));
        this.#version = version;
      }
      return this.#value;
    } catch {
      return null;
    }
  }
}

const hosts = new WatchedFile(HOSTS_FILE, parseHosts);
const resolvers = new WatchedFile(RESOLVERS_FILE, parseResolvers);
