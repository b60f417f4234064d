// Copyright the iocp authors. MIT license.
import type { Stream } from "./stream.ts";

/** A loop over a connection, which is closed by whoever leaves the loop. */
export class Chunks implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #stream: Stream;
  readonly #buffer: Uint8Array | undefined;

  /** Without a buffer the chunks are the user's to keep. */
  constructor(stream: Stream, buffer?: Uint8Array) {
    this.#stream = stream;
    this.#buffer = buffer;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { receive } = this.#stream;
    return this.#buffer === undefined
      ? receive.next()
      : receive.nextIn(this.#buffer);
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stream.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
