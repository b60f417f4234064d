// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import { endedInside, tooLong } from "./failures.ts";
import type { FrameSettings } from "../options/framing.ts";
import type { ReadCalls } from "./read_calls.ts";
import type { Want } from "./want.ts";

type Result = IteratorResult<Chunk, undefined>;

const DONE: Result = Object.freeze({ value: undefined, done: true });

/** A loop over frames whose header has their length. */
export class Frames
  implements AsyncIterableIterator<Chunk, undefined>, Want<Result> {
  readonly #calls: ReadCalls;
  readonly #settings: FrameSettings;
  /** The loop is the only use of the source, so it ends with it. */
  readonly #isOwner: boolean;
  #isOver = false;

  constructor(calls: ReadCalls, settings: FrameSettings, isOwner: boolean) {
    this.#calls = calls;
    this.#settings = settings;
    this.#isOwner = isOwner;
  }

  next(): Promise<Result> {
    if (this.#isOver) return Promise.resolve(DONE);
    return this.#calls.call(this, this.#settings.limits);
  }

  async return(): Promise<Result> {
    this.#isOver = true;
    if (this.#isOwner) await this.#calls.release();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /* ---- what follows is for the calls */

  take(buffer: ByteBuffer): Result | undefined {
    if (this.#isOver) return DONE;
    const { headerBytes, includeHeader } = this.#settings;
    if (buffer.length < headerBytes) return undefined;
    const end = headerBytes + this.#lengthOf(buffer);
    const start = includeHeader ? 0 : headerBytes;
    if (buffer.length >= end) {
      return { value: buffer.take(end, start), done: false };
    }
    buffer.collect(end, start);
    return undefined;
  }

  end({ length }: ByteBuffer): Result {
    this.#finish(length > 0);
    if (length === 0) return DONE;
    throw endedInside(this.#calls.source, "a frame", length);
  }

  fail(error: unknown, isClosed: boolean): Result {
    this.#finish(true);
    if (isClosed) return DONE;
    throw error;
  }

  /* The number of bytes behind the header. */
  #lengthOf(buffer: ByteBuffer): number {
    const { lengthBytes, lengthOffset, lengthAdjustment, endian, maxLength } =
      this.#settings;
    const last = lengthBytes - 1;
    let number = 0;
    for (let index = 0; index < lengthBytes; index++) {
      const at = endian === "big" ? index : last - index;
      number = number * 256 + buffer.at(lengthOffset + at);
    }
    const length = number + lengthAdjustment;
    if (length >= 0 && length <= maxLength) return length;
    this.#finish(true);
    const { source } = this.#calls;
    if (length > maxLength) throw tooLong(source, "the frame", maxLength);
    throw source.error("EBADMSG", {
      detail: `the length of the frame is ${number}, which is too small`,
    });
  }

  #finish(isFailure: boolean): void {
    this.#isOver = true;
    if (this.#isOwner) this.#calls.source.close(isFailure);
  }
}
