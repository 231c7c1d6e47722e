/**
 * The servers of one upstream whose addresses are not all in its configuration: found by name, by service, in a file.
 * Whenever one of the sources changes the whole list is put together anew, in the order of the configuration.
 *
 *     address ───────────────────────────────────┐
 *     name ──► Names (A, AAAA) ──────────────────┤
 *     service ──► Names (SRV) ──► Names, per target ┼──► list, each address once ──► group.setServers
 *     file ──► ServerLists ──► any of the above ─┘
 */

import { FOUND_SERVERS_MAX } from "../limits.ts";
import type { ResolvedRecord } from "../runtime.ts";
import type { ListedSource, ServerDefinition, ServerSource } from "./definition.ts";
import { serverAt, serversOfService } from "./discovered-server.ts";
import { Endpoint } from "./endpoint.ts";
import type { KnownName, NameKind } from "./known-name.ts";
import type { DiscoverySurroundings } from "./names.ts";

interface WatchedFile {
  list: readonly ListedSource[];
  watch: { stop(): void } | null;
}

export class Discovery {
  /** As known now. */
  servers: readonly ServerDefinition[] = [];
  readonly #upstream: string;
  readonly #sources: readonly ServerSource[];
  readonly #surroundings: DiscoverySurroundings;
  readonly #onServers: (servers: readonly ServerDefinition[]) => void;
  #names = new Map<string, KnownName>();
  readonly #files = new Map<string, WatchedFile>();
  readonly #waiting: (() => void)[] = [];
  #isStopped = false;
  #isReady = false;
  #isCut = false;
  /** The first servers are no news. That there are some again is. */
  #hasHadServers = false;
  readonly #listener = (): void => this.#refresh();

  /**
   * `onServers` is told of every other list, never from inside here. What `previous` knew, that of the group before a
   * reload, is where this one begins: a reload takes no server that a broken file or DNS could not have taken.
   */
  constructor(
    { name, sources }: { readonly name: string; readonly sources: readonly ServerSource[] },
    surroundings: DiscoverySurroundings,
    onServers: (servers: readonly ServerDefinition[]) => void,
    previous: Discovery | null = null,
  ) {
    this.#upstream = name;
    this.#sources = sources;
    this.#surroundings = surroundings;
    this.#onServers = onServers;
    for (const source of sources) if (source.kind === "file") this.#watchFile(source.path, previous);
    const isAlike = previous !== null && JSON.stringify(previous.#sources) === JSON.stringify(sources);
    this.servers = this.#settled(this.#collect(), isAlike ? previous.servers : []);
    this.#hasHadServers = this.servers.length > 0 || (isAlike && previous.#hasHadServers);
    this.#isReady = true;
  }

  /** Every name was asked for once, whatever came of it. */
  get isKnown(): boolean {
    return [...this.#names.values()].every(({ isKnown }) => isKnown);
  }

  /** Calls `done` as soon as `isKnown`, maybe at once. */
  whenKnown(done: () => void): void {
    if (this.isKnown) done();
    else this.#waiting.push(done);
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#isStopped = true;
    for (const known of this.#names.values()) this.#surroundings.names.unwatch(known, this.#listener);
    this.#names.clear();
    for (const { watch } of this.#files.values()) watch?.stop();
    this.#files.clear();
    for (const done of this.#waiting.splice(0)) done();
  }

  #watchFile(path: string, previous: Discovery | null): void {
    if (this.#files.has(path)) return;
    const file: WatchedFile = { list: previous === null ? [] : (previous.#files.get(path)?.list ?? []), watch: null };
    this.#files.set(path, file);
    file.watch =
      this.#surroundings.lists?.watch(path, (list) => {
        file.list = list;
        if (this.#isReady) this.#refresh();
      }) ?? null;
  }

  #refresh(): void {
    if (this.#isStopped) return;
    const before = this.servers;
    const servers = this.#settled(this.#collect(), before);
    if (!areSame(before, servers)) {
      this.servers = servers;
      if (this.#hasHadServers) this.#tell(before);
      this.#hasHadServers = true;
      this.#onServers(servers);
    }
    if (this.#waiting.length > 0 && this.isKnown) for (const done of this.#waiting.splice(0)) done();
  }

  /**
   * What goes, goes only when what comes is known: a service with other targets would else have no server while their
   * names are asked for. And DNS may say that there is less than before, but not that there is nothing.
   */
  #settled(collected: readonly ServerDefinition[], before: readonly ServerDefinition[]): readonly ServerDefinition[] {
    if (collected.length === 0 && this.#names.size > 0) return before;
    if (this.isKnown) return collected;
    const keys = new Set(collected.map(Endpoint.keyOf));
    const leaving = before.filter((server) => !keys.has(Endpoint.keyOf(server)));
    // Who always has another name to ask for must not make the list grow for ever.
    return [...collected, ...leaving.slice(0, Math.max(0, FOUND_SERVERS_MAX - collected.length))];
  }

  /** The list now. Names that are needed are watched from here on, others no longer. */
  #collect(): readonly ServerDefinition[] {
    const needed = new Map<string, KnownName>();
    const found = new Map<string, ServerDefinition>();
    let places = FOUND_SERVERS_MAX;
    const add = (server: ServerDefinition, isWritten: boolean): void => {
      const key = Endpoint.keyOf(server);
      // The first one in the configuration has the say.
      if (found.has(key) || (!isWritten && --places < 0)) return;
      found.set(key, server);
    };
    const recordsOf = (kind: NameKind, name: string): readonly ResolvedRecord[] => {
      const key = `${kind} ${name}`;
      const known =
        needed.get(key) ?? this.#names.get(key) ?? this.#surroundings.names.watch(kind, name, this.#listener);
      needed.set(key, known);
      const { accepts } = this.#surroundings;
      if (accepts === undefined || kind !== "addresses") return known.records;
      return known.records.filter(({ host }) => accepts(host));
    };
    for (const source of this.#sources) {
      const listed = source.kind === "file" ? (this.#files.get(source.path)?.list ?? []) : [source];
      for (const one of listed) {
        for (const server of serversOf(one, recordsOf)) add(server, one.kind === "static");
      }
    }
    this.#tellCut(places < 0);
    for (const [key, known] of this.#names) {
      if (!needed.has(key)) this.#surroundings.names.unwatch(known, this.#listener);
    }
    this.#names = needed;
    return [...found.values()];
  }

  #tellCut(isCut: boolean): void {
    if (isCut && !this.#isCut) {
      this.#surroundings.notify({ kind: "servers-cut", upstream: this.#upstream, used: FOUND_SERVERS_MAX });
    }
    this.#isCut = isCut;
  }

  #tell(before: readonly ServerDefinition[]): void {
    const keysBefore = new Set(before.map(Endpoint.keyOf));
    const keysNow = new Set(this.servers.map(Endpoint.keyOf));
    const labels = (servers: readonly ServerDefinition[], known: ReadonlySet<string>): string[] =>
      servers.filter((server) => !known.has(Endpoint.keyOf(server))).map(({ label }) => label);
    const added = labels(this.servers, keysBefore);
    const removed = labels(before, keysNow);
    const { length: servers } = this.servers;
    this.#surroundings.notify({ kind: "servers-changed", upstream: this.#upstream, servers, added, removed });
  }
}

function serversOf(
  source: ListedSource,
  recordsOf: (kind: NameKind, name: string) => readonly ResolvedRecord[],
): readonly ServerDefinition[] {
  switch (source.kind) {
    case "static":
      return [source.server];
    case "name": {
      const { server } = source;
      if (server.address.kind === "unix") return [server];
      const { host, port } = server.address;
      return recordsOf("addresses", host).map((record) => serverAt(server, { host, port }, record.host));
    }
    case "service":
      return serversOfService(source.server, recordsOf("services", source.name), (target) =>
        recordsOf("addresses", target),
      );
  }
}

function areSame(one: readonly ServerDefinition[], other: readonly ServerDefinition[]): boolean {
  return one.length === other.length && one.every((server, index) => isSame(server, other[index]!));
}

/** Addresses are compared by what they say, all else by identity: lists are made anew each time. */
function isSame(one: ServerDefinition, other: ServerDefinition): boolean {
  const keys = Object.keys(one) as (keyof ServerDefinition)[];
  return (
    Endpoint.keyOf(one) === Endpoint.keyOf(other) && keys.every((key) => key === "address" || one[key] === other[key])
  );
}
