// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";
import { Line } from "./line.ts";
import type { LineSettings } from "../options/framing.ts";
import type { ReadCalls } from "./read_calls.ts";
import { DONE, ReadingLoop } from "./reading_loop.ts";
import type { Want } from "./want.ts";

type Result = IteratorResult<string, undefined>;

/** A loop over lines. */
export class Lines extends ReadingLoop<string>
  implements AsyncIterableIterator<string, undefined>, Want<Result> {
  readonly #settings: LineSettings;
  readonly #line: Line;

  constructor(calls: ReadCalls, settings: LineSettings, isOwner: boolean) {
    super(calls, isOwner);
    this.#settings = settings;
    this.#line = new Line(calls, settings);
  }

  next(): Promise<Result> {
    const { limits } = this.#settings;
    if (!limits?.signal?.aborted) {
      const value = this.#line.nextOfBlock();
      if (value !== undefined) return Promise.resolve({ value, done: false });
    }
    if (this.isOver) return Promise.resolve(DONE);
    return this.calls.call(this, limits);
  }

  protected override onLeave(): void {
    this.calls.commit();
  }

  /* ---- what follows is for the calls */

  take(buffer: ByteBuffer): Result | undefined {
    if (this.isOver) return DONE;
    try {
      const value = this.#line.take(buffer);
      return value === undefined ? undefined : { value, done: false };
    } catch (error) {
      this.finish(true);
      throw error;
    }
  }

  end(buffer: ByteBuffer): Result {
    try {
      const value = this.#line.end(buffer);
      if (value !== null) return { value, done: false };
    } catch (error) {
      this.finish(true);
      throw error;
    }
    this.finish(false);
    return DONE;
  }
}
