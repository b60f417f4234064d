// Copyright the iocp authors. MIT license.

import type { Chunk } from "../socket/chunk_queue.ts";

const EMPTY: Chunk = new Uint8Array(0);
const NEWLINE = 10;
/** More unused room than this is given back while the reader is idle. */
const SPARE_BYTES = 4096;

/**
 * The bytes that a reader has and has not used yet, in one piece.
 *
 * A chunk that comes while there are none is used where it is, without a copy. Before
 * user code can run, {@linkcode own} copies what is left of it: a chunk may be a part
 * of a slab, or of a buffer that its owner uses again.
 */
export class ByteBuffer {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #isOwn = true;
  /* So many bytes are known to have no newline. */
  #searched = 0;
  #bytesUsed = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** The number of bytes that were skipped, taken and moved. */
  get bytesUsed(): number {
    return this.#bytesUsed;
  }

  /** Adds a chunk that is not empty. */
  push(chunk: Uint8Array): void {
    const { length } = this;
    if (length === 0) {
      this.#set(chunk, 0, chunk.length, false);
      return;
    }
    const needed = length + chunk.length;
    if (!this.#isOwn || this.#end + chunk.length > this.#bytes.length) {
      if (this.#isOwn && needed <= this.#bytes.length && this.#start > length) {
        this.#bytes.copyWithin(0, this.#start, this.#end);
        this.#start = 0;
        this.#end = length;
      } else this.#move(Math.max(needed, 2 * length));
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Makes sure that the bytes are in memory of their own, and that they occupy
   * little more than they need. */
  own(): void {
    const { length } = this;
    if (length === 0) {
      if (this.#bytes !== EMPTY) this.#set(EMPTY, 0, 0, true);
    } else if (
      !this.#isOwn || this.#bytes.length > 4 * length + SPARE_BYTES
    ) this.#move(length);
  }

  /** Where the first newline is, or -1. */
  findNewline(): number {
    const at = this.#bytes.indexOf(NEWLINE, this.#start + this.#searched);
    /* An own buffer has old bytes behind its end. */
    if (at < 0 || at >= this.#end) {
      this.#searched = this.length;
      return -1;
    }
    return this.#searched = at - this.#start;
  }

  /** Where the last newline before `end` is, or -1. */
  findLastNewline(end: number): number {
    return this.#bytes.lastIndexOf(NEWLINE, this.#start + end - 1) -
      this.#start;
  }

  /** Where the sequence begins that is at or behind `from`, or -1. */
  find(sequence: Uint8Array, from: number): number {
    const { length } = this;
    const last = length - sequence.length;
    for (let at = from; at <= last; at++) {
      at = this.#bytes.indexOf(sequence[0]!, this.#start + at) - this.#start;
      if (at < 0 || at > last) return -1;
      if (this.#hasAt(sequence, at)) return at;
    }
    return -1;
  }

  #hasAt(sequence: Uint8Array, at: number): boolean {
    const start = this.#start + at;
    for (let index = 1; index < sequence.length; index++) {
      if (this.#bytes[start + index] !== sequence[index]) return false;
    }
    return true;
  }

  /** One byte. */
  at(index: number): number {
    return this.#bytes[this.#start + index]!;
  }

  /** The first bytes, which are valid until the next change. */
  view(end: number): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + end);
  }

  /** Removes the first bytes. */
  skip(count: number): void {
    this.#start += count;
    this.#searched = 0;
    this.#bytesUsed += count;
  }

  /** Removes the first bytes and returns them from `start` on, in memory of their
   * own. */
  take(count: number, start = 0): Chunk {
    const bytes = this.#bytes.slice(this.#start + start, this.#start + count);
    this.skip(count);
    return bytes as Chunk;
  }

  /** Moves as many bytes into `p` as there are and as it has room for. */
  moveTo(p: Uint8Array): number {
    const count = Math.min(this.length, p.length);
    p.set(this.view(count));
    this.skip(count);
    return count;
  }

  /** Removes all bytes, which do not count as used, and returns them in memory of
   * their own. */
  removeAll(): Chunk {
    const bytes = this.view(this.length).slice() as Chunk;
    this.#set(EMPTY, 0, 0, true);
    return bytes;
  }

  #move(capacity: number): void {
    const { length } = this;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.view(length));
    const searched = this.#searched;
    this.#set(bytes, 0, length, true);
    this.#searched = searched;
  }

  #set(bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#isOwn = isOwn;
    this.#searched = 0;
  }
}
