// Copyright the iocp authors. MIT license.

import type { ByteBuffer } from "./byte_buffer.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import { endedInside, tooLong } from "./failures.ts";
import type { FrameSettings } from "../options/framing.ts";
import type { ReadCalls } from "./read_calls.ts";
import { DONE, ReadingLoop } from "./reading_loop.ts";
import type { Want } from "./want.ts";

type Result = IteratorResult<Chunk, undefined>;

/** A loop over frames whose header has their length. */
export class Frames extends ReadingLoop<Chunk>
  implements AsyncIterableIterator<Chunk, undefined>, Want<Result> {
  readonly #settings: FrameSettings;

  constructor(calls: ReadCalls, settings: FrameSettings, isOwner: boolean) {
    super(calls, isOwner);
    this.#settings = settings;
  }

  next(): Promise<Result> {
    if (this.isOver) return Promise.resolve(DONE);
    return this.calls.call(this, this.#settings.limits);
  }

  /* ---- what follows is for the calls */

  take(buffer: ByteBuffer): Result | undefined {
    if (this.isOver) return DONE;
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
    this.finish(length > 0);
    if (length === 0) return DONE;
    throw endedInside(this.calls.source, "a frame", length);
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
    this.finish(true);
    const { source } = this.calls;
    if (length > maxLength) throw tooLong(source, "the frame", maxLength);
    throw source.error("EBADMSG", {
      detail: `the length of the frame is ${number}, which is too small`,
    });
  }
}
