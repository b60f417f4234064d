// Copyright the iocp authors. MIT license.
/* A slab that knows what has become of each chunk: from the first borrower on, each is
 * kept by the program or given back, once. */

import assert from "node:assert/strict";
import { Slab } from "../../src/loop/slab.ts";

export class WatchedSlab extends Slab {
  /* The chunks by their ends, since the start moves as bytes of one are read, and
   * whether each is kept or given back already. */
  readonly #chunks = new Map<ArrayBuffer, Map<number, boolean>>();
  readonly #owned = new WeakSet<Uint8Array>();

  override claim(length: number): Uint8Array<ArrayBuffer> {
    const chunk = super.claim(length);
    if (!this.hasLent) return chunk;
    const ends = this.#chunks.get(chunk.buffer) ?? new Map();
    this.#chunks.set(chunk.buffer, ends.set(endOf(chunk), false));
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
    return this.#owned.has(chunk) || !this.#isKnown(chunk);
  }

  /** Chunks that are neither kept nor given back. */
  get open(): number {
    return [...this.#chunks.values()].flatMap((ends) => [...ends.values()])
      .filter((isSettled) => !isSettled).length;
  }

  /* Others are copies, or were made before the first borrower came. */
  #isKnown(chunk: Uint8Array<ArrayBuffer>): boolean {
    return this.#chunks.get(chunk.buffer)?.has(endOf(chunk)) === true;
  }

  #settle(chunk: Uint8Array<ArrayBuffer>): void {
    if (!this.#isKnown(chunk)) return;
    const ends = this.#chunks.get(chunk.buffer)!;
    assert.ok(!ends.get(endOf(chunk)), "a chunk is settled once");
    ends.set(endOf(chunk), true);
  }
}

function endOf({ byteOffset, byteLength }: Uint8Array): number {
  return byteOffset + byteLength;
}
