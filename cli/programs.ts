/** The code of configurations that this process has run. */

import { errorText } from "../core/script/error-text.ts";
import { type Bundle, bundleProgram, type NoBundle } from "./bundle-program.ts";
import { type Exports, evaluateBundle } from "./evaluate-bundle.ts";
import { Sources } from "./sources.ts";
import { CodeTrouble, whileCodeRuns } from "./while-code-runs.ts";

export type Ran = Evaluated | NoBundle;

export interface Evaluated {
  readonly bundle: Bundle;
  readonly exports: Exports;
}

/** By file. */
export type Scripts = ReadonlyMap<string, Evaluated>;

export class Programs {
  readonly sources = new Sources();
  #scripts: Scripts = new Map();

  /** Runs a program, whether it has changed or not: what it makes may depend on anything. */
  async run(file: string): Promise<Ran> {
    return this.#guarded(file, async () => {
      const bundle = await bundleProgram(file);
      return "problems" in bundle ? bundle : this.#evaluate(bundle);
    });
  }

  /** Runs a script; if nothing about one in use has changed, it is answered as it is: its state lives on. */
  async script(file: string): Promise<Ran> {
    return this.#guarded(file, async () => {
      const bundle = await bundleProgram(file);
      if ("problems" in bundle) return bundle;
      const known = this.#scripts.get(file);
      if (known !== undefined && isSame(known.bundle, bundle)) return known;
      return this.#evaluate(bundle);
    });
  }

  /** The configuration with these scripts is in use from now on; those of the one before are let go. */
  use(scripts: Scripts): void {
    this.#scripts = scripts;
  }

  async #guarded(file: string, work: () => Promise<Ran>): Promise<Ran> {
    try {
      return await whileCodeRuns({ file, sources: this.sources }, work);
    } catch (error) {
      if (!(error instanceof CodeTrouble)) throw error;
      const message = `could not be run: ${error.message}`;
      return { problems: [{ file: null, line: 0, column: 0, message }], files: [file] };
    }
  }

  async #evaluate(bundle: Bundle): Promise<Ran> {
    try {
      return { bundle, exports: await evaluateBundle(bundle, this.sources) };
    } catch (error) {
      const message = `could not be run: ${errorText(error)}${this.sources.atPlace(error)}`;
      return { problems: [{ file: null, line: 0, column: 0, message }], files: bundle.files };
    }
  }
}

/** Of this process. */
export const programs = new Programs();

function isSame(one: Bundle, other: Bundle): boolean {
  return (
    one.code === other.code &&
    // Lines that have moved: what is told of the one in use would be told of wrong ones.
    one.map === other.map &&
    one.imports.length === other.imports.length &&
    one.imports.every((module, place) => module === other.imports[place])
  );
}
