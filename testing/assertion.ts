/**
 * What an expectation throws. Every test runner takes it for an assertion that failed, for they go by `name`, `code`,
 * `expected` and `actual`; none of them has to be there.
 */
export class ExpectationError extends Error {
  override readonly name = "AssertionError";
  readonly code = "ERR_ASSERTION";
  readonly generatedMessage = false;
  readonly expected: unknown;
  readonly actual: unknown;
  /** The matcher: `toReach`, `not.toReach`. */
  readonly operator: string;

  constructor(message: string, about: { expected: unknown; actual: unknown; operator: string }) {
    super(message);
    this.expected = about.expected;
    this.actual = about.actual;
    this.operator = about.operator;
  }
}
