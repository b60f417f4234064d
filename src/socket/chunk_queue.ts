// Copyright the iocp authors. MIT license.

import { Fifo } from "./fifo.ts";
import { SLAB_BYTES } from "../loop/slab.ts";

/** A chunk that is not read at once is copied if it would keep a slab alive that
 * is much larger than itself. */
export const COPY_BELOW: number = SLAB_BYTES / 4;

/** Received bytes, in memory that is not shared. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** Received bytes that no read has claimed. */
export class ChunkQueue {
  readonly #chunks = new Fifo<Chunk>();
  #bytes = 0;

  /** The number of bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#chunks.isEmpty;
  }

  /**
   * True when the bytes are lost. A chunk is a part of a slab, which some
   * runtimes let a user transfer with another chunk of it.
   */
  get isLost(): boolean {
    return this.#chunks.first?.length === 0;
  }

  /** Adds a chunk that is not empty. */
  push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Removes the first chunk. */
  shift(): Chunk | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#bytes -= chunk.length;
    return chunk;
  }

  /** Moves bytes of the first chunk into `buffer`. Returns how many. */
  moveTo(buffer: Uint8Array): number {
    const chunk = this.#chunks.first!;
    const count = Math.min(chunk.length, buffer.length);
    const isWhole = count === chunk.length;
    buffer.set(isWhole ? chunk : chunk.subarray(0, count));
    if (isWhole) this.#chunks.shift();
    else this.#chunks.replaceFirst(chunk.subarray(count));
    this.#bytes -= count;
    return count;
  }

  /** Copies the chunks out of their slabs. Returns false when bytes are lost. */
  copyFromSlabs(): boolean {
    const expected = this.#bytes;
    const chunks = this.#chunks.removeAll();
    this.#bytes = 0;
    for (const chunk of chunks) if (chunk.length > 0) this.push(chunk.slice());
    return this.#bytes === expected;
  }

  /** Removes all bytes and returns them in one piece. */
  removeAll(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const chunk of this.#chunks.removeAll()) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    this.#bytes = 0;
    return bytes;
  }
}
