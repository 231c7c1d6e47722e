/** The text of the `Date` field (RFC 9110 section 6.6.1), made once a second. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export class HttpDate {
  readonly #wallClockMs: () => number;
  #second = -1;
  #text = "";

  constructor(wallClockMs: () => number) {
    this.#wallClockMs = wallClockMs;
  }

  /** `Sun, 06 Nov 1994 08:49:37 GMT` */
  get text(): string {
    const second = Math.floor(this.#wallClockMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = httpDate(second * 1000);
    }
    return this.#text;
  }
}

export function httpDate(wallClockMs: number): string {
  const date = new Date(wallClockMs);
  const two = (value: number) => (value < 10 ? `0${value}` : `${value}`);
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} GMT`;
}
