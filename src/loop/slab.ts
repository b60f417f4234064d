// Copyright the iocp authors. MIT license.
import { SLAB_MIN } from "../native/completion.ts";
import { nodeModule } from "../runtime/globals.ts";

/** The size of a slab. */
export const SLAB_BYTES: number = 256 * 1024;

const { markAsUntransferable } = nodeModule<{
  markAsUntransferable(buffer: ArrayBuffer): void;
}>("node:worker_threads");

/* A slab is one buffer for many chunks, so it must not be transferred with one
 * of them. Some runtimes allow it nevertheless, through a byte stream or
 * transfer(); room() detects it and continues with another slab. */
function makeBuffer(): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(SLAB_BYTES);
  markAsUntransferable(buffer);
  return new Uint8Array(buffer);
}

/**
 * Memory for received bytes, which are handed out as views of it.
 *
 * When it is used up another buffer takes its place; the old one lives for as
 * long as chunks of it are used.
 */
export class Slab {
  #buffer = makeBuffer();
  /** Where the free part of the buffer begins. */
  offset = 0;

  /** The buffer that is filled next, with at least SLAB_MIN bytes free. */
  room(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer;
    if (buffer.length > 0 && SLAB_BYTES - this.offset >= SLAB_MIN) {
      return buffer;
    }
    this.offset = 0;
    return this.#buffer = makeBuffer();
  }

  /** Reserves the next `length` bytes of what {@linkcode room} returned. */
  claim(length: number): Uint8Array<ArrayBuffer> {
    const { offset } = this;
    /* The next chunk starts aligned, like those of iocp_poll(). */
    this.offset = Math.min((offset + length + 7) & ~7, SLAB_BYTES);
    return this.#buffer.subarray(offset, offset + length);
  }
}
