// Copyright the iocp authors. MIT license.

import type { Slab } from "../loop/slab.ts";
import { Fifo } from "../socket/fifo.ts";

/* Shorter ones cost less to copy than to pass on one by one. */
const JOINED_BELOW = 4096;

/** Bytes that a TLSSocket has decrypted, and that were not delivered. */
export class PlainBytes {
  readonly #slab: Slab;
  readonly #parts = new Fifo<Uint8Array>();
  #length = 0;
  #total = 0;

  constructor(slab: Slab) {
    this.#slab = slab;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** The number of bytes since the start. */
  get total(): number {
    return this.#total;
  }

  push(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#length += part.length;
    this.#total += part.length;
  }

  clear(): void {
    this.#parts.removeAll();
    this.#length = 0;
  }

  /** Moves up to `length` bytes to the buffer. Returns how many. */
  moveTo(buffer: Uint8Array, offset: number, length: number): number {
    let moved = 0;
    while (moved < length && !this.isEmpty) {
      const part = this.#parts.first!;
      const count = Math.min(length - moved, part.length);
      buffer.set(part.subarray(0, count), offset + moved);
      if (count === part.length) this.#parts.shift();
      else this.#parts.replaceFirst(part.subarray(count));
      this.#length -= count;
      moved += count;
    }
    return moved;
  }

  /** Removes a chunk of up to `length` bytes. Its memory is that of what the TLSSocket
   * has decrypted, if nothing else is in it, and else of the slab. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const first = this.#parts.first;
    if (first !== undefined && first.length <= length && this.#isAlone(first)) {
      this.#parts.shift();
      this.#length -= first.length;
      return new Uint8Array(first.buffer as ArrayBuffer);
    }
    const slab = this.#slab;
    const room = slab.room();
    const most = Math.min(length, room.length - slab.offset);
    return slab.claim(this.moveTo(room, slab.offset, most));
  }

  /* Short parts that wait together become one chunk. */
  #isAlone({ buffer, length }: Uint8Array): boolean {
    const isLong = length >= JOINED_BELOW || length === this.#length;
    return isLong && buffer instanceof ArrayBuffer &&
      buffer.byteLength === length;
  }
}
