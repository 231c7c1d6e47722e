import type { CommandEntry, CommandTable, OptionEntry, Value } from "./command-table.ts";

export function zshCompletion({ name, options, commands }: CommandTable): string {
  const described = commands.map((command) => `        ${quoted(`${command.name}:${command.description}`)}`);
  return `#compdef ${name}
# Completion of ${name} for zsh, written by \`${name} completion zsh\`.
_${name}() {
  local curcontext=$curcontext state line
  local -a commands
  typeset -A opt_args
  _arguments -C ${[...options.flatMap(optionSpecs), "'1:command:->command'", "'*::argument:->argument'"].join(CONTINUED)} && return
  case $state in
    command)
      commands=(
${described.join("\n")}
      )
      _describe command commands
      ;;
    argument)
      case $line[1] in
${commands.map(commandCase).join("\n")}
      esac
      ;;
  esac
}
# In a folder of fpath this file is the function's body; where it is sourced, the function has to be made known.
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

const CONTINUED = " \\\n    ";

function commandCase({ name, arguments: values, options }: CommandEntry): string {
  const specs = [...options.flatMap(optionSpecs), ...values.map((value, at) => quoted(`${at + 1}${valueSpec(value)}`))];
  // With -S what begins with a dash is no option behind "--".
  return `        ${name}) _arguments -S ${specs.join(CONTINUED)} ;;`;
}

/** One for each spelling; either excludes the other, unless it may be repeated. */
function optionSpecs({ flags, description, value }: OptionEntry): string[] {
  const before = value?.isRepeatable ? "*" : `(${flags.join(" ")})`;
  return flags.map((flag) => {
    const behind = value === null ? "" : valueSpec(value);
    const attached = value !== null && flag.startsWith("--") ? "=" : "";
    return quoted(`${before}${flag}${attached}[${description.replaceAll(/[\\[\]]/g, "\\$&")}]${behind}`);
  });
}

function valueSpec({ name, isRequired, isFile, choices }: Value): string {
  const action = isFile ? "_files" : choices.length > 0 ? `(${choices.join(" ")})` : " ";
  return `${isRequired ? ":" : "::"}${name}:${action}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
