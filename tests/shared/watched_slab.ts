// Copyright the iocp authors. MIT license.
/* A slab that knows what has become of each chunk: from the first borrower on, each is
 * kept by the program or given back, once. */

import assert from "node:assert/strict";
import { Slab } from "../../src/loop/slab.ts";

export class WatchedSlab extends Slab {
  /* The chunks that have an owner or may still get one, by their ends: the start moves
   * as bytes of a chunk are read. */
  readonly #open = new Map<ArrayBuffer, Set<number>>();
  readonly #owned = new WeakSet<Uint8Array>();

  override claim(length: number): Uint8Array<ArrayBuffer> {
    const chunk = super.claim(length);
    if (!this.hasLent) return chunk;
    const ends = this.#open.get(chunk.buffer) ?? new Set();
    this.#open.set(chunk.buffer, ends.add(endOf(chunk)));
    return chunk;
  }

  override own(chunk: Uint8Array<ArrayBuffer>): void {
    this.#settle(chunk);
    this.#owned.add(chunk);
    super.own(chunk);
  }

  override giveBack(chunk: Uint8Array<ArrayBuffer>): void {
    assert.ok(!this.#owned.has(chunk), "a kept chunk is not given back");
    this.#settle(chunk);
    super.giveBack(chunk);
  }

  /** The program may keep the chunk. */
  isKept(chunk: Uint8Array<ArrayBuffer>): boolean {
    return this.#owned.has(chunk);
  }

  /** Chunks that are neither kept nor given back. */
  get open(): number {
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #settle(chunk: Uint8Array<ArrayBuffer>): void {
    const ends = this.#open.get(chunk.buffer);
    /* It is a copy, or was made before. */
    if (ends === undefined) return;
    ends.delete(endOf(chunk));
  }
}

function endOf({ byteOffset, byteLength }: Uint8Array): number {
  return byteOffset + byteLength;
}
