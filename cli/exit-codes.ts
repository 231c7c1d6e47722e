/** What `millrace` tells whoever started it; documented in docs/cli.md. */

export const EXIT_OK = 0;
/** The configuration has problems. */
export const EXIT_CONFIG = 1;
/** The command line was wrong. */
export const EXIT_USAGE = 2;
/** It could not start: an address in use, no permission. */
export const EXIT_START = 3;
/** It stopped at a second signal, or requests were cut off at the drain deadline. */
export const EXIT_CUT_OFF = 4;
/** A bug of ours. */
export const EXIT_INTERNAL = 70;
/** What was asked for could not be written: a full disk. */
export const EXIT_OUTPUT = 74;
/** `explain --against`: something would change. */
export const EXIT_DIFFERENT = 5;

/** In few words, for `--help` and the man page. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT_OK, "ok"],
  [EXIT_CONFIG, "configuration"],
  [EXIT_USAGE, "command line"],
  [EXIT_START, "could not start"],
  [EXIT_CUT_OFF, "cut off"],
  [EXIT_DIFFERENT, "different (explain)"],
  [EXIT_INTERNAL, "a defect of millrace"],
  [EXIT_OUTPUT, "output not written"],
];
