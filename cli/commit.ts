/** A step that bundles the program defines it. */
declare const MILLRACE_COMMIT: string | undefined;

/** The commit the program was built from, shortened; null in a checkout, where git knows. */
export const builtFrom: string | null = typeof MILLRACE_COMMIT === "string" ? MILLRACE_COMMIT : null;
