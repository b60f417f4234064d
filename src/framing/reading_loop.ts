// Copyright the iocp authors. MIT license.

import type { ReadCalls } from "./read_calls.ts";

/** The result at the end of a loop. */
export const DONE: IteratorReturnResult<undefined> = Object.freeze({
  value: undefined,
  done: true,
});

/** A loop over parts of a source: when it begins, ends and fails. */
export abstract class ReadingLoop<T> {
  protected readonly calls: ReadCalls;
  /** The loop is the only use of the source, so it ends with it. */
  readonly #isOwner: boolean;
  #isOver = false;

  constructor(calls: ReadCalls, isOwner: boolean) {
    this.calls = calls;
    this.#isOwner = isOwner;
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#isOver = true;
    this.onLeave();
    if (this.#isOwner) await this.calls.release();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The result when the source has failed, or is closed by this side. */
  fail(error: unknown, isClosed: boolean): IteratorResult<T, undefined> {
    this.finish(true);
    if (isClosed) return DONE;
    throw error;
  }

  /** The program has left the loop. */
  protected onLeave(): void {}

  /** The loop is over. */
  protected finish(isFailure: boolean): void {
    this.#isOver = true;
    if (this.#isOwner) this.calls.source.close(isFailure);
  }
}
