/** The head of a response as hooks see it. */

import type { HookResponse } from "./hooks.ts";

export interface ResponseFacts {
  readonly status: number;
  readonly upstream: string;
  readonly server: string;
  readonly attempts: number;
  /** Names and values, in order. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

export class ShownResponse implements HookResponse {
  readonly status: number;
  readonly upstream: string;
  readonly server: string;
  readonly attempts: number;
  readonly #fields: ResponseFacts["fields"];
  #headers: Headers | null = null;

  constructor({ status, upstream, server, attempts, fields }: ResponseFacts) {
    this.status = status;
    this.upstream = upstream;
    this.server = server;
    this.attempts = attempts;
    this.#fields = fields;
  }

  get headers(): Headers {
    if (this.#headers === null) {
      this.#headers = new Headers();
      for (const { name, value } of this.#fields) this.#headers.append(name, value);
    }
    return this.#headers;
  }

  header(name: string): string | null {
    return this.headers.get(name);
  }
}
