/**
 * Texts of strangers as they may stand in a line: clients and upstreams choose most of what a log holds, so that none of it
 * has a control character or is longer than `LOG_FIELD_LENGTH_MAX` (M08).
 */

import { LOG_FIELD_LENGTH_MAX } from "../limits.ts";

/** For a terminal: escapes instead of controls, quotes only where there is a space. */
export function escapeText(text: string): string {
  const quoted = escapeJson(text);
  const inner = quoted.slice(1, -1);
  return inner === "" || /[\s"]/.test(text) ? quoted : inner;
}

/** A sentence of ours that may quote a server: on one line, without controls, not in quotes. */
export function escapeSentence(sentence: string): string {
  return escapeJson(sentence).slice(1, -1).replaceAll('\\"', '"');
}

/** JSON, with everything escaped that a terminal or a log viewer might act on. */
export function escapeJson(text: string): string {
  const shown = text.length > LOG_FIELD_LENGTH_MAX ? `${text.slice(0, LOG_FIELD_LENGTH_MAX - 1)}…` : text;
  return escapeInvisible(JSON.stringify(shown));
}

/** In a JSON text: what a terminal or a log viewer might act on. */
export function escapeInvisible(json: string): string {
  return json.replace(
    /[\u007f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
