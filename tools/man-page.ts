// The manual page, made of the table of commands; `npm run build` writes it into the package.
//
//   node --import tsx tools/man-page.ts > millrace.1

import { readFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { commandTable, EXAMPLES, SIGNALS } from "../cli/args.ts";
import type { CommandEntry, OptionEntry, Value } from "../cli/command-table.ts";
import { EXIT_MEANINGS } from "../cli/exit-codes.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
/** Every command has them; said once. */
const EVERYWHERE = ["--help", "--version"];

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.stdout.write(manPage());

/** Without a date, so that equal sources give equal pages. */
export function manPage(): string {
  const { name, description, options, commands } = commandTable();
  const plain = description.replace(/\.$/, "").replace(/^A /, "");
  return `${[
    `.TH ${name.toUpperCase()} 1 "" "${name} ${version}" "User Commands"`,
    section("NAME", [`${text(name)} \\- ${text(plain)}`]),
    section("SYNOPSIS", commands.flatMap(synopsis)),
    section("DESCRIPTION", [text(`${description} Its configuration is YAML, JSON or TypeScript.`)]),
    section("COMMANDS", commands.flatMap(commandParagraphs)),
    section("OPTIONS OF EVERY COMMAND", options.flatMap(optionParagraph)),
    section("SIGNALS", [text(SIGNALS)]),
    section(
      "EXIT STATUS",
      EXIT_MEANINGS.flatMap(([code, meaning]) => [".TP", `.B ${code}`, text(meaning)]),
    ),
    section(
      "EXAMPLES",
      EXAMPLES.flatMap(([command, effect]) => [".TP", `.B ${text(command)}`, text(effect)]),
    ),
  ].join("\n")}\n`;
}

function section(title: string, lines: readonly string[]): string {
  return [`.SH ${/ /.test(title) ? `"${title}"` : title}`, ...lines].join("\n");
}

function synopsis({ name, arguments: values, options }: CommandEntry, at: number): string[] {
  const own = options.some((option) => !isEverywhere(option)) ? ["[\\fIoptions\\fR]"] : [];
  const line = [`.B millrace ${text(name)}`, ...own.map((word) => `\\fR${word}`), ...values.map(placeholder)].join(" ");
  return at === 0 ? [line] : [".br", line];
}

function commandParagraphs({ name, description, arguments: values, options }: CommandEntry): string[] {
  return [
    `.SS ${[text(name), ...values.map(placeholder)].join(" ")}`,
    text(sentence(description)),
    ...values.flatMap((value) => [
      ".TP",
      `.I ${text(value.name)}`,
      text(sentence([value.description, ...allowed(value)].filter((words) => words !== "").join("; "))),
    ]),
    ...options.filter((option) => !isEverywhere(option)).flatMap(optionParagraph),
  ];
}

function optionParagraph({ flags, description, value, byDefault }: OptionEntry): string[] {
  const behind = value === null ? "" : ` ${placeholder(value)}`;
  const spelled = flags.map((flag) => `\\fB${text(flag)}\\fR`).join(", ");
  const notes = [...allowed(value), ...(byDefault === null ? [] : [`${byDefault} when left out`])];
  return [".TP", `${spelled}${behind}`, text(sentence([description, ...notes].join("; ")))];
}

function allowed(value: Value | null): string[] {
  if (value === null || value.choices.length === 0) return [];
  if (value.name === "command") return ["one of those on this page"];
  return [`one of ${value.choices.join(", ")}`];
}

function placeholder({ name, isRequired, isRepeatable }: Value): string {
  const shown = `\\fI${text(name)}\\fR${isRepeatable ? "..." : ""}`;
  return isRequired ? shown : `[${shown}]`;
}

function isEverywhere({ flags }: OptionEntry): boolean {
  return flags.some((flag) => EVERYWHERE.includes(flag));
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${words.endsWith("?") ? "" : "."}`;
}

/** No character of it is taken for a request or an escape. */
function text(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
