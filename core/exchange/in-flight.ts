/** Requests under way in the whole proxy: how many there may be, and whether one more is served. */

export class InFlight {
  /** More are answered 503 at once. */
  max: number;
  count = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** Counts a request in, served or not; false when there are too many. */
  enter(): boolean {
    return ++this.count <= this.max;
  }

  /** Once for every `enter`. */
  leave(): void {
    this.count--;
  }
}
