/** Edits of header fields, checked: names are tokens, and framing stays the proxy's own. */

import { TOKEN } from "../bytes/ascii.ts";
import type { FieldEdit, FieldEdits } from "./route.ts";
import type { Template } from "./variables.ts";

export interface CompiledFieldEdits {
  readonly set: readonly CompiledFieldEdit[];
  readonly add: readonly CompiledFieldEdit[];
  /** Lower case. */
  readonly remove: readonly string[];
  readonly isEmpty: boolean;
}

export interface CompiledFieldEdit {
  /** As it is to be written. */
  readonly name: string;
  readonly lowerName: string;
  /** A value that comes out empty is not written: `set` then removes the field. */
  readonly value: Template;
}

type At = readonly (string | number)[];

export function compileFieldEdits(
  edits: FieldEdits,
  compileValue: (text: string, at: At) => Template | null,
  report: (at: At, message: string) => void,
): CompiledFieldEdits {
  const compileEdits = (list: readonly FieldEdit[], key: string): CompiledFieldEdit[] =>
    list.flatMap(({ name, value }, index) => {
      const problem = nameProblem(name);
      if (problem !== null) report([key, index, "name"], problem);
      const template = compileValue(value, [key, index, "value"]);
      return template === null ? [] : [{ name, lowerName: name.toLowerCase(), value: template }];
    });
  edits.remove.forEach((name, index) => {
    const problem = nameProblem(name);
    if (problem !== null) report(["remove", index], problem);
  });
  const set = compileEdits(edits.set, "set");
  const add = compileEdits(edits.add, "add");
  const remove = edits.remove.map((name) => name.toLowerCase());
  return Object.freeze({ set, add, remove, isEmpty: set.length + add.length + remove.length === 0 });
}

const FRAMING = "says how long the message is, which the proxy finds out and writes itself";
const HOP_BY_HOP = "belongs to one connection (RFC 9110 section 7.6.1), and the proxy writes its own";

const UNTOUCHABLE: ReadonlyMap<string, string> = new Map([
  ["content-length", FRAMING],
  ["transfer-encoding", FRAMING],
  ["trailer", FRAMING],
  ["connection", HOP_BY_HOP],
  ["keep-alive", HOP_BY_HOP],
  ["proxy-connection", HOP_BY_HOP],
  ["proxy-authenticate", HOP_BY_HOP],
  ["proxy-authorization", HOP_BY_HOP],
  ["te", HOP_BY_HOP],
  ["upgrade", HOP_BY_HOP],
  ["http2-settings", HOP_BY_HOP],
  ["expect", "is settled between client and server, and the proxy follows what they do (RFC 9110 section 10.1.1)"],
  ["host", "is set by the route's own `host`"],
]);

/** Why no edit may touch the field, or null. `_` and `.` count as `-`, as they do for `Fields.dropNamed` and many a server. */
export function uneditable(name: string): string | null {
  return UNTOUCHABLE.get(name.toLowerCase().replaceAll(/[_.]/g, "-")) ?? null;
}

function nameProblem(name: string): string | null {
  for (let index = 0; index < name.length; index++) {
    if (TOKEN[name.charCodeAt(index)] !== 1) {
      return `${JSON.stringify(name)} is no field name: ${JSON.stringify(name[index])} cannot stand in one`;
    }
  }
  if (name === "") return "is an empty field name";
  const reason = uneditable(name);
  return reason === null ? null : `${JSON.stringify(name)} cannot be edited: it ${reason}`;
}
