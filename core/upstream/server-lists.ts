import type { ListedSource } from "./definition.ts";

/** Lists of servers in files. Who reads them is above the core. */
export interface ServerLists {
  /** Tells what the file holds at once, if that can be read, and again whenever it holds another list. */
  watch(path: string, onList: (list: readonly ListedSource[]) => void): { stop(): void };
}
