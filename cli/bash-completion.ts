import type { CommandEntry, CommandTable, OptionEntry } from "./command-table.ts";

/** For bash 3.2 and newer: macOS has no other. */
export function bashCompletion({ name, options, commands }: CommandTable): string {
  const names = commands.map((command) => command.name);
  const values = commands.flatMap((command) => command.options.flatMap((option) => valueCase(command, option)));
  return `# Completion of ${name} for bash, written by \`${name} completion bash\`.
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} index
  local command= options= arguments= files= over=
  COMPREPLY=()
  # "--name=value" comes as three words.
  if [[ $current == = ]]; then current=; fi
  if [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${names.join(" | ")}) command=\${command:-\${COMP_WORDS[index]}} ;;
      --) over=yes ;;
    esac
  done
  case $command in
    '') arguments='${names.join(" ")}' options='${flagsOf(options)}' ;;
${commands.map(commandCase).join("\n")}
  esac
  if [[ -n $over ]]; then previous= options=; fi
  case "$command $previous" in
${values.join("\n")}
    *) if [[ -z $over && $current == -* || -z $arguments$files ]]; then files= arguments=$options; fi ;;
  esac
  if [[ -z $files ]]; then
    COMPREPLY=($(compgen -W "$arguments" -- "$current"))
  else
    compopt -o filenames 2> /dev/null
    while IFS= read -r index; do COMPREPLY+=("$index"); done < <(compgen -f -- "$current")
  fi
}
complete -F _${name} ${name}
`;
}

function commandCase({ name, arguments: values, options }: CommandEntry): string {
  const files = values.some((value) => value.isFile) ? " files=yes" : "";
  return `    ${name}) arguments='${values.flatMap((value) => value.choices).join(" ")}' options='${flagsOf(options)}'${files} ;;`;
}

/** What comes behind an option that takes a value. */
function valueCase({ name }: CommandEntry, { flags, value }: OptionEntry): string[] {
  if (value === null) return [];
  const patterns = flags.map((flag) => `'${name} ${flag}'`).join(" | ");
  return [`    ${patterns}) arguments='${value.choices.join(" ")}' files=${value.isFile ? "yes" : ""} ;;`];
}

function flagsOf(options: readonly OptionEntry[]): string {
  return options.flatMap((option) => option.flags).join(" ");
}
