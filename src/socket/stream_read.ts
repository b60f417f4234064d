// Copyright the iocp authors. MIT license.

import type { Chunk } from "./chunk_queue.ts";
import type { PendingRead } from "./pending_reads.ts";

/* Without a promise for each chunk. */
const settled = Promise.resolve();

/** A read of a stream, which is used again and again. What it gets is passed on in a
 * microtask, since the queue that settles it must not run user code. */
export abstract class StreamRead implements PendingRead {
  #got: Chunk | null = null;

  get buffer(): undefined {
    return undefined;
  }

  get isLoop(): boolean {
    return true;
  }

  resolve(got: Chunk | number | null): void {
    /* There is no buffer, so it is no number. */
    this.#got = got as Chunk | null;
    settled.then(this.#pass);
  }

  reject(error: Error): void {
    settled.then(() => this.failed(error));
  }

  #pass = (): void => {
    const got = this.#got;
    this.#got = null;
    this.received(got);
  };

  /** A chunk, or null for the end. */
  protected abstract received(got: Chunk | null): void;
  protected abstract failed(error: Error): void;
}
