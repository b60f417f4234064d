// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";
import { Line } from "./line.ts";
import type { LineSettings } from "../options/framing.ts";
import type { ReadCalls } from "./read_calls.ts";
import type { Want } from "./want.ts";

type Result = IteratorResult<string, undefined>;

const DONE: Result = Object.freeze({ value: undefined, done: true });

/** A loop over lines. */
export class Lines
  implements AsyncIterableIterator<string, undefined>, Want<Result> {
  readonly #calls: ReadCalls;
  readonly #settings: LineSettings;
  readonly #line: Line;
  /** The loop is the only use of the source, so it ends with it. */
  readonly #isOwner: boolean;
  #isOver = false;

  constructor(calls: ReadCalls, settings: LineSettings, isOwner: boolean) {
    this.#calls = calls;
    this.#settings = settings;
    this.#line = new Line(calls, settings);
    this.#isOwner = isOwner;
  }

  next(): Promise<Result> {
    const { limits } = this.#settings;
    if (!limits?.signal?.aborted) {
      const value = this.#line.nextOfBlock();
      if (value !== undefined) return Promise.resolve({ value, done: false });
    }
    if (this.#isOver) return Promise.resolve(DONE);
    return this.#calls.call(this, limits);
  }

  async return(): Promise<Result> {
    this.#isOver = true;
    this.#calls.commit();
    if (this.#isOwner) await this.#calls.release();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /* ---- what follows is for the calls */

  take(buffer: ByteBuffer): Result | undefined {
    if (this.#isOver) return DONE;
    try {
      const value = this.#line.take(buffer);
      return value === undefined ? undefined : { value, done: false };
    } catch (error) {
      this.#finish(true);
      throw error;
    }
  }

  end(buffer: ByteBuffer): Result {
    try {
      const value = this.#line.end(buffer);
      if (value !== null) return { value, done: false };
    } catch (error) {
      this.#finish(true);
      throw error;
    }
    this.#finish(false);
    return DONE;
  }

  fail(error: unknown, isClosed: boolean): Result {
    this.#finish(true);
    if (isClosed) return DONE;
    throw error;
  }

  #finish(isFailure: boolean): void {
    this.#isOver = true;
    if (this.#isOwner) this.#calls.source.close(isFailure);
  }
}
