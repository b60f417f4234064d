// Copyright the iocp authors. MIT license.

import { Fifo } from "./fifo.ts";
import { SLAB_BYTES } from "../loop/slab.ts";

/** A chunk that is not read at once is copied if it would keep a slab alive that
 * is much larger than itself. */
export const COPY_BELOW: number = SLAB_BYTES / 4;

/** Received bytes, in memory that is not shared. */
export type Chunk = Uint8Array<ArrayBuffer>;

/** A reader that has taken chunks, and may not have used all of their bytes. */
export interface Borrower {
  /** True while a call of it is pending, whose bytes these are. */
  readonly isBusy: boolean;
  /** The number of bytes that it has not used. */
  readonly unused: number;
  /** Removes these bytes from the reader and returns them in memory of their own. */
  giveBack(): Chunk | undefined;
}

/** Received bytes that no read has claimed. */
export class ChunkQueue {
  readonly #chunks = new Fifo<Chunk>();
  #bytes = 0;
  /** The reader that has taken chunks last. */
  #borrower: Borrower | undefined;

  /** The number of bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of bytes that {@linkcode reclaim} would add. */
  get borrowed(): number {
    return this.#borrower?.unused ?? 0;
  }

  /** The bytes that no call has used and none waits for. What a reader holds for a
   * pending call does not count: the call may need more than may be received ahead. */
  get idle(): number {
    return this.#borrower?.isBusy ? this.#bytes : this.#bytes + this.borrowed;
  }

  /** Lets a reader take chunks; another one gives back its bytes before. */
  lendTo(borrower: Borrower): void {
    if (this.#borrower !== borrower) this.reclaim();
    this.#borrower = borrower;
  }

  /** True for the reader that has taken chunks last. */
  isLentTo(read: unknown): boolean {
    return this.#borrower === read;
  }

  /** Puts back what the reader has not used, unless a call of it is pending. */
  reclaim(): void {
    const borrower = this.#borrower;
    if (borrower === undefined || borrower.isBusy) return;
    this.#borrower = undefined;
    const bytes = borrower.giveBack();
    if (bytes === undefined) return;
    this.#chunks.unshift(bytes);
    this.#bytes += bytes.length;
  }

  /** Discards what the reader has not used. */
  discard(): void {
    this.#borrower?.giveBack();
  }

  get first(): Chunk | undefined {
    return this.#chunks.first;
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
