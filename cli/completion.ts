/** `millrace completion SHELL`: a script that makes the shell complete commands, options and their values. */

import { bashCompletion } from "./bash-completion.ts";
import type { CommandTable } from "./command-table.ts";
import { fishCompletion } from "./fish-completion.ts";
import { zshCompletion } from "./zsh-completion.ts";

export type Shell = "bash" | "zsh" | "fish";

const BY_SHELL: Record<Shell, (table: CommandTable) => string> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function completionScript(shell: Shell, table: CommandTable): string {
  return BY_SHELL[shell](table);
}
