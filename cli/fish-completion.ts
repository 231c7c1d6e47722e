import type { CommandTable, OptionEntry, Value } from "./command-table.ts";

export function fishCompletion({ name, options, commands }: CommandTable): string {
  const complete = (condition: string, rest: string) => `complete -c ${name} -n ${quoted(condition)} ${rest}`;
  const lines = [
    `# Completion of ${name} for fish, written by \`${name} completion fish\`.`,
    `complete -c ${name} -f`,
    ...options.map((option) => complete("__fish_use_subcommand", optionSpec(option))),
  ];
  for (const command of commands) {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    lines.push(complete("__fish_use_subcommand", `-a ${command.name} -d ${quoted(command.description)}`));
    lines.push(...command.arguments.flatMap((value) => argumentSpec(value).map((spec) => complete(seen, spec))));
    lines.push(...command.options.map((option) => complete(seen, optionSpec(option))));
  }
  return `${lines.join("\n")}\n`;
}

function argumentSpec({ isFile, choices }: Value): string[] {
  if (isFile) return ["-F"];
  return choices.length > 0 ? [`-a ${quoted(choices.join(" "))}`] : [];
}

function optionSpec({ flags, description, value }: OptionEntry): string {
  const spellings = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return [...spellings, ...valueSpec(value), `-d ${quoted(description)}`].join(" ");
}

function valueSpec(value: Value | null): string[] {
  if (value === null) return [];
  if (value.isFile) return ["-r -F"];
  // What may be left out is only completed behind "=".
  const demand = value.isRequired ? ["-x"] : [];
  return value.choices.length > 0 ? [...demand, `-a ${quoted(value.choices.join(" "))}`] : demand;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
