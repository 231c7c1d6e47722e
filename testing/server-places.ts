import { addressText } from "../core/config/address.ts";
import { compileServerList } from "../core/config/server-list.ts";
import type { Snapshot } from "../core/exchange/snapshot.ts";
import type { ResolvedRecord } from "../core/runtime.ts";
import type { ListedSource, ServerSource } from "../core/upstream/definition.ts";
import type { SimZone } from "./sim-names.ts";

/** What the simulated world knows besides the configuration. */
export interface WorldOptions {
  /** Addresses of host names. Names that are not here get one each, from 198.18.0.0/15 (RFC 2544). */
  readonly dns?: Readonly<Record<string, string | readonly string[]>>;
  /** SRV records by service name: `{ "_http._tcp.app.internal": [{ host: "a.internal", port: 80 }] }`. */
  readonly services?: Readonly<Record<string, readonly Partial<ResolvedRecord>[]>>;
  /** What is in files that list servers, by their name in the configuration. */
  readonly serverFiles?: Readonly<Record<string, readonly unknown[]>>;
}

/** Where a scripted server has to be. */
export interface ServerPlace {
  readonly upstream: string;
  /** `10.0.0.1:80`. */
  readonly address: string;
  /** What else it is called: as written in the configuration, and as the proxy calls it. */
  readonly labels: readonly string[];
  /** Where checks go, when that is another port. */
  readonly checked: string | null;
}

/** Finds all servers of configurations, and tells DNS of their names. */
export class ServerPlaces {
  readonly #options: WorldOptions;
  readonly #zone: SimZone;
  readonly #named = new Map<string, readonly string[]>();
  #given = 0;

  constructor(options: WorldOptions, zone: SimZone) {
    this.#options = options;
    this.#zone = zone;
    for (const host of Object.keys(options.dns ?? {})) this.addressesOf(host);
    for (const [name, records] of Object.entries(options.services ?? {})) zone.services(name.toLowerCase(), records);
  }

  /** What a host name leads to. */
  addressesOf(host: string): readonly string[] {
    const known = this.#named.get(host);
    if (known !== undefined) return known;
    const given = this.#options.dns?.[host];
    const addresses = given === undefined ? [this.#nextAddress()] : typeof given === "string" ? [given] : given;
    this.#named.set(host, addresses);
    this.#zone.addresses(host, addresses);
    return addresses;
  }

  placesIn({ upstreams }: Snapshot): ServerPlace[] {
    return upstreams.flatMap(({ name, servers, sources, health }) => {
      const all = sources ?? servers.map((server): ServerSource => ({ kind: "static", server }));
      const port = health?.check?.port ?? null;
      return all.flatMap((source) => this.#placesOf(source)).map((place) => placeOf(name, place, port));
    });
  }

  /** A list of servers as a file would hold it. Throws what is wrong with it. */
  listIn(path: string): readonly ListedSource[] {
    const list = compileServerList(this.#options.serverFiles?.[path] ?? []);
    if (!("problems" in list)) return list;
    throw new TypeError(
      `serverFiles[${JSON.stringify(path)}]: ${list.problems.map(({ message }) => message).join("; ")}`,
    );
  }

  #placesOf(source: ServerSource): Found[] {
    if (source.kind === "file") return this.listIn(source.path).flatMap((one) => this.#placesOf(one));
    if (source.kind === "service") {
      return (this.#options.services?.[source.name] ?? []).flatMap(({ host = "", port = 0 }) =>
        this.#byName(host, port),
      );
    }
    const { address, label } = source.server;
    if (source.kind === "static" || address.kind === "unix")
      return [{ address: addressText(address), labels: [label] }];
    return this.#byName(address.host, address.port).map(({ address: at, labels }) => ({
      address: at,
      labels: [label, ...labels],
    }));
  }

  #byName(host: string, port: number): Found[] {
    return this.addressesOf(host).map((ip) => ({
      address: addressText({ kind: "tcp", host: ip, port }),
      labels: [`${host}:${port}`, `${host}:${port}/${ip}`],
    }));
  }

  #nextAddress(): string {
    const number = ++this.#given;
    return `198.18.${number >> 8}.${number & 0xff}`;
  }
}

interface Found {
  readonly address: string;
  readonly labels: readonly string[];
}

function placeOf(upstream: string, { address, labels }: Found, checkPort: number | null): ServerPlace {
  const checked =
    checkPort === null || address.startsWith("unix:") ? null : address.replace(/[0-9]+$/, String(checkPort));
  return { upstream, address, labels, checked: checked === address ? null : checked };
}
