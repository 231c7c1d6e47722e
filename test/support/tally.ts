// Counts of tests, read from the JUnit report that Node, Deno and Bun all write.

const between = " &gt; ";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export function addTally(to: Tally, from: Tally): void {
  to.passed += from.passed;
  to.failed += from.failed;
  to.skipped += from.skipped;
}

export function tallyText(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;
}

/** Counts the tests, not the suites, of a JUnit report. */
export function tallyFromJunit(xml: string): Tally {
  const cases = casesOf(xml);
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const suites = new Set(cases.flatMap(({ name }) => namesAbove(name)));
  for (const one of cases) {
    // Deno reports a suite as a further case, its children as `suite > test`. Node and Bun nest and name no parents.
    if (suites.has(one.name)) continue;
    if (/<(?:failure|error)\b/.test(one.body)) tally.failed++;
    else if (/<skipped\b/.test(one.body)) tally.skipped++;
    else tally.passed++;
  }
  return tally;
}

/**
 * Which of several files in one process had no test. To Node, a suite without tests is a test itself; of Bun, whose suites
 * name their files, nothing is there. Deno reports no files: there `several.ts` fails for them.
 */
export function filesWithoutTest(xml: string, files: readonly string[]): string[] {
  const attributes = (element: string, name: string) =>
    new Set(
      [...xml.matchAll(new RegExp(`<${element}\\b[^>]*\\s${name}="(?:\\./)?([^"]*)"`, "g"))].map(([, value]) => value),
    );
  const empty = attributes("testcase", "name");
  const ofBun = attributes("testsuite", "file");
  return files.filter((file) => {
    const path = file.replace(/^\.\//, "");
    return empty.has(path) || (ofBun.size > 0 && !ofBun.has(path));
  });
}

/** `a > b > c` stands below `a` and `a > b`. */
function namesAbove(name: string): string[] {
  const names: string[] = [];
  for (let end = name.indexOf(between); end !== -1; end = name.indexOf(between, end + 1))
    names.push(name.slice(0, end));
  return names;
}

interface Case {
  readonly name: string;
  readonly body: string;
}

function casesOf(xml: string): Case[] {
  const cases: Case[] = [];
  const opening = /<testcase\b((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;
  for (let match = opening.exec(xml); match !== null; match = opening.exec(xml)) {
    const name = /\sname="([^"]*)"/.exec(match[1] ?? "")?.[1] ?? "";
    if (match[2] === "/") {
      cases.push({ name, body: "" });
      continue;
    }
    const end = xml.indexOf("</testcase>", opening.lastIndex);
    cases.push({ name, body: xml.slice(opening.lastIndex, end === -1 ? xml.length : end) });
  }
  return cases;
}
