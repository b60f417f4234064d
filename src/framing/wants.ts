// Copyright the iocp authors. MIT license.
/* What the calls of a reader want, except for lines and frames. */

import type { ByteBuffer } from "./byte_buffer.ts";
import type { ByteSource } from "./byte_source.ts";
import { endedInside, tooLong } from "./failures.ts";
import type { Chunk } from "../socket/chunk_queue.ts";
import type { Want } from "./want.ts";

/** Exactly so many bytes. */
export class ExactBytes implements Want<Chunk> {
  readonly #source: ByteSource;
  readonly #count: number;

  constructor(source: ByteSource, count: number) {
    this.#source = source;
    this.#count = count;
  }

  take(buffer: ByteBuffer): Chunk | undefined {
    if (buffer.length >= this.#count) return buffer.take(this.#count);
    buffer.collect(this.#count);
    return undefined;
  }

  end({ length }: ByteBuffer): Chunk {
    throw endedInside(this.#source, `${this.#count}`, length);
  }
}

/** The next bytes, which stay in the buffer; fewer at the end. */
export class PeekedBytes implements Want<Chunk | null> {
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  take(buffer: ByteBuffer): Chunk | undefined {
    if (buffer.length < this.#count) return undefined;
    return buffer.view(this.#count).slice() as Chunk;
  }

  end(buffer: ByteBuffer): Chunk | null {
    const { length } = buffer;
    return length === 0 ? null : buffer.view(length).slice() as Chunk;
  }
}

/** Removes so many bytes as they come. */
export class SkippedBytes implements Want<number> {
  readonly #source: ByteSource;
  readonly #count: number;
  #left: number;

  constructor(source: ByteSource, count: number) {
    this.#source = source;
    this.#count = this.#left = count;
  }

  take(buffer: ByteBuffer): number | undefined {
    const count = Math.min(this.#left, buffer.length);
    buffer.skip(count);
    this.#left -= count;
    return this.#left === 0 ? this.#count : undefined;
  }

  end(): number {
    const skipped = this.#count - this.#left;
    throw endedInside(this.#source, `${this.#count}`, skipped);
  }
}

/** At least one byte, into a buffer of the caller. */
export class BytesInto implements Want<number | null> {
  readonly #p: Uint8Array;

  constructor(p: Uint8Array) {
    this.#p = p;
  }

  take(buffer: ByteBuffer): number | undefined {
    if (this.#p.length === 0) return 0;
    return buffer.length === 0 ? undefined : buffer.moveTo(this.#p);
  }

  end(): null {
    return null;
  }
}

/** What there is, at least one byte. */
export const ANY_BYTES: Want<Chunk | null> = {
  take: (buffer) =>
    buffer.length === 0 ? undefined : buffer.take(buffer.length),
  end: () => null,
};

/** The bytes up to a delimiter, with it. */
export class DelimitedBytes implements Want<Chunk | null> {
  readonly #source: ByteSource;
  readonly #delimiter: Uint8Array;
  readonly #maxLength: number;
  /* The delimiter does not begin before this. */
  #from = 0;

  constructor(source: ByteSource, delimiter: Uint8Array, maxLength: number) {
    this.#source = source;
    this.#delimiter = delimiter;
    this.#maxLength = maxLength;
  }

  take(buffer: ByteBuffer): Chunk | undefined {
    const { length } = this.#delimiter;
    const at = buffer.find(this.#delimiter, this.#from);
    this.#from = Math.max(0, buffer.length - length + 1);
    if ((at < 0 ? this.#from : at) > this.#maxLength) {
      throw tooLong(
        this.#source,
        "what comes before the delimiter",
        this.#maxLength,
      );
    }
    return at < 0 ? undefined : buffer.take(at + length);
  }

  end({ length }: ByteBuffer): null {
    if (length === 0) return null;
    throw endedInside(this.#source, "what comes before the delimiter", length);
  }
}
