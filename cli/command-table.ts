/** Commands and options as data, read from the parser's own: what completions and the man page are made of. */

import type { Argument, Command, Option } from "commander";

export interface CommandTable {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionEntry[];
  readonly commands: readonly CommandEntry[];
}

export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly Value[];
  readonly options: readonly OptionEntry[];
}

export interface OptionEntry {
  /** Such as `-w` and `--watch`; at least one. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Null where it takes none. */
  readonly value: Value | null;
  /** What holds without it; null where nothing is set. */
  readonly byDefault: string | null;
}

/** What is written behind a command or an option. */
export interface Value {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isRepeatable: boolean;
  readonly isFile: boolean;
  /** All there are; empty where anything may be written. */
  readonly choices: readonly string[];
}

/** For options that may be given several times beside arguments: a variadic one takes these for its own. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function tableOf(program: Command): CommandTable {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  const optionsOf = (command: Command) => help.visibleOptions(command).map(optionEntry);
  return {
    name: program.name(),
    description: program.description(),
    options: optionsOf(program),
    commands: commands.map((command) => ({
      name: command.name(),
      description: command.description(),
      arguments: command.registeredArguments.map((argument) => argumentValue(argument, names)),
      options: optionsOf(command),
    })),
  };
}

function optionEntry(option: Option): OptionEntry {
  const { short, long, description, defaultValue, defaultValueDescription } = option;
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: optionValue(option),
    byDefault: defaultValueDescription ?? (defaultValue === undefined ? null : String(defaultValue)),
  };
}

function optionValue({ flags, required, optional, variadic, parseArg, argChoices }: Option): Value | null {
  if (!required && !optional) return null;
  const [, name = ""] = /[<[](\w+)/.exec(flags) ?? [];
  return {
    name,
    description: "",
    isRequired: required,
    isRepeatable: variadic || parseArg === collect,
    isFile: name === "file",
    choices: argChoices ?? [],
  };
}

function argumentValue(argument: Argument, commandNames: readonly string[]): Value {
  const name = argument.name();
  return {
    name,
    description: argument.description,
    isRequired: argument.required,
    isRepeatable: argument.variadic,
    isFile: name === "file",
    choices: argument.argChoices ?? (name === "command" ? commandNames : []),
  };
}
