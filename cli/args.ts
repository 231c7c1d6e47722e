/** The command line: what may be written, its help, and what to call. */

import { Argument, Command, CommanderError, Option } from "commander";
import { BALANCE_NAMES } from "../core/balance/names.ts";
import type { Runtime } from "../core/runtime.ts";
import { type CommandTable, collect, tableOf } from "./command-table.ts";
import type { Shell } from "./completion.ts";
import type { DemoOptions } from "./demo.ts";
import { EXIT_MEANINGS, EXIT_OK, EXIT_USAGE } from "./exit-codes.ts";
import type { ExplainOptions } from "./explain.ts";
import { withHint } from "./foreign-words.ts";
import { type Outputs, standardOutputs } from "./line-writer.ts";
import type { ProxyOptions } from "./proxy.ts";
import type { RunOptions } from "./run.ts";

export interface Commands {
  run(file: string, options: RunOptions, runtime: Runtime): Promise<number>;
  check(file: string, outputs: Outputs): Promise<number>;
  explain(file: string, options: ExplainOptions, runtime: Runtime, outputs: Outputs): Promise<number>;
  proxy(options: ProxyOptions, runtime: Runtime, outputs: Outputs): Promise<number>;
  demo(options: DemoOptions, runtime: Runtime): Promise<number>;
}

/** Resolves with the exit code; the arguments are those behind the program's name. */
export async function runCommandLine(
  args: readonly string[],
  runtime: Runtime,
  commands: Commands,
  outputs: Outputs = standardOutputs,
): Promise<number> {
  let exitCode = EXIT_OK;
  const program = createProgram(outputs, async (command) => {
    exitCode = await command({ runtime, commands, outputs });
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === VERSION_ASKED) outputs.out.write((await import("./version.ts")).versionLine(runtime));
    // Asked for with --help or --version it is no error.
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
}

/** All that may be written, for who describes it. */
export function commandTable(): CommandTable {
  return tableOf(createProgram(standardOutputs, async () => {}));
}

/** Usage, and what it does. */
export const EXAMPLES: readonly (readonly [command: string, effect: string])[] = [
  ["millrace proxy --listen :8080 --to 127.0.0.1:9000", "forward everything to one server"],
  ["millrace check millrace.yaml", "is the configuration right?"],
  ["millrace run millrace.yaml", "start it"],
  ["millrace explain millrace.yaml GET http://a/x", "where would this request go, and why?"],
];

export const SIGNALS =
  "SIGTERM and SIGINT let requests in flight finish; a second one stops at once. SIGHUP reloads the configuration. SIGUSR2 writes where failed requests went, and why.";

const CONFIGURATION = "configuration: .yaml, .json, .ts; - for YAML on standard input";
const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];
const VERSION_ASKED = "millrace.version";

interface Surroundings {
  readonly runtime: Runtime;
  readonly commands: Commands;
  readonly outputs: Outputs;
}

/** Runs what was asked for, and keeps its exit code. */
type Perform = (command: (surroundings: Surroundings) => Promise<number>) => Promise<void>;

function createProgram(outputs: Outputs, perform: Perform): Command {
  const program = configured(new Command("millrace"), outputs)
    .description("A reverse proxy and load balancer.")
    .addHelpText("after", helpBehind());
  const command = (usage: string) => configured(program.command(usage), outputs);
  command("run")
    .description("start the proxy a configuration file describes")
    .argument("<file>", CONFIGURATION)
    .option("-w, --watch", "reload when a file of the configuration changes")
    .action((file: string, { watch = false }) =>
      perform(({ commands, runtime }) => commands.run(file, { watch }, runtime)),
    );
  command("check")
    .description("check a configuration file and show what it comes to; exit code 0 when it is right, 1 when not")
    .argument("<file>", CONFIGURATION)
    .action((file: string) => perform(({ commands }) => commands.check(file, outputs)));
  describeExplain(command("explain"), perform);
  command("proxy")
    .description("start a proxy without a file")
    .addOption(
      new Option("-l, --listen <address...>", "where to listen, repeatable").default(
        ["127.0.0.1:8080"],
        "127.0.0.1:8080",
      ),
    )
    .requiredOption("-t, --to <address...>", "a server to forward to, HOST:PORT or unix:/path, repeatable")
    .addOption(
      new Option("-b, --balance <name>", "how a server is chosen").choices(BALANCE_NAMES).default("two-choices"),
    )
    .addOption(
      new Option("--access-log [format]", "one line per request on standard output")
        .choices(["json", "text"])
        .preset("text"),
    )
    .action(({ listen, to, balance, accessLog = null }) =>
      perform(({ commands, runtime }) => commands.proxy({ listen, to, balance, accessLog }, runtime, outputs)),
    );
  command("demo")
    .description("start the proxy over three small servers of its own, and say what to try")
    .addOption(new Option("-l, --listen <address>", "where to listen").default("127.0.0.1:8080"))
    .action(({ listen }) => perform(({ commands, runtime }) => commands.demo({ listen }, runtime)));
  command("completion")
    .description("write a script that makes a shell complete commands and options")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .action((shell: Shell) =>
      perform(async () => {
        outputs.out.write((await import("./completion.ts")).completionScript(shell, tableOf(program)).trimEnd());
        return EXIT_OK;
      }),
    );
  return program;
}

function describeExplain(command: Command, perform: Perform): void {
  command
    .description(
      "say where a request would go, and why, without sending it; with --against exit code 5 when that differs",
    )
    .argument("<file>", CONFIGURATION)
    .argument("[method]", "such as GET")
    .argument("[url]", "such as https://a.example/x")
    .addOption(new Option("-H, --header <line>", 'a header, "Name: value", repeatable').argParser(collect))
    .option("--client <address>", "the address the request comes from; 192.0.2.1 when left out")
    .option("--listener <name>", "the listener it comes in by; the first when left out")
    .option("--json", "for programs")
    .option("--against <file>", "another configuration: what would change?")
    .option("--requests <file>", "a file of requests, one METHOD URL or JSON per line")
    .action((file: string, method: string | undefined, url: string | undefined, options) => {
      const { header = [], json = false, client, listener, against, requests } = options;
      const asked = { method, url, header, json, client, listener, against, requests };
      return perform(({ commands, runtime, outputs }) => commands.explain(file, asked, runtime, outputs));
    });
}

function configured(command: Command, { out, err }: Outputs): Command {
  return command
    .option("-V, --version", "show the version of millrace and of the runtime")
    .on("option:version", () => {
      throw new CommanderError(EXIT_OK, VERSION_ASKED, "");
    })
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    .showHelpAfterError(`${command.parent === null ? "" : "millrace "}${command.name()} --help lists what there is`)
    .configureOutput({
      // Asking for colours reads the environment, which on Deno takes a permission.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      writeOut: (text) => out.write(text.replace(/\n$/, "")),
      writeErr: (text) => err.write(text.replace(/\n$/, "")),
      outputError: (text, write) => write(withHint(text).replace(/^error: /, "millrace: ")),
    });
}

function helpBehind(): string {
  const columns = Math.max(...EXAMPLES.map(([command]) => command.length)) + 3;
  const examples = EXAMPLES.map(([command, effect]) => `  ${command.padEnd(columns)}${effect}`);
  const codes = EXIT_MEANINGS.map(([code, meaning]) => `${code} ${meaning}`);
  return `\nExamples:\n${examples.join("\n")}\n\n${SIGNALS}\nExit codes: ${codes.join(", ")}.`;
}
