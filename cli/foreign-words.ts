/** Commands and options of nginx, HAProxy and Caddy, and what does the same here: for unknown ones. */

const CHECK = "`millrace check FILE` checks a configuration";
const FILE = "the file is named without an option: `millrace run FILE`";
const SIGNAL = "a running Millrace takes signals: SIGHUP reloads, SIGTERM lets requests finish and ends";
const VERSION = "`millrace --version` tells the version";
const FOREGROUND = "`millrace run FILE` starts it, in the foreground; docs/install.md has it run by systemd";

const HINTS: Readonly<Record<string, string>> = {
  test: CHECK,
  validate: CHECK,
  "-t": CHECK,
  "-T": CHECK,
  version: VERSION,
  "-v": VERSION,
  "-vv": VERSION,
  serve: FOREGROUND,
  start: FOREGROUND,
  "-D": FOREGROUND,
  "-d": FOREGROUND,
  "reverse-proxy": "`millrace proxy --listen ADDRESS --to ADDRESS` starts one without a file",
  reload: SIGNAL,
  stop: SIGNAL,
  quit: SIGNAL,
  "-s": SIGNAL,
  "-c": FILE,
  "-f": FILE,
  "--config": FILE,
};

/** `error` is "unknown command 'x'" or "unknown option 'x'", or anything else, which stays as it is. */
export function withHint(error: string): string {
  const word = /^(?:.*: )?unknown (?:command|option) '([^']*)'/.exec(error)?.[1];
  const hint = word === undefined || !Object.hasOwn(HINTS, word) ? undefined : HINTS[word];
  return hint === undefined ? error : `${error.trimEnd()}: ${hint}\n`;
}
