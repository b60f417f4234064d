// Copyright the iocp authors. MIT license.
/* The memory of received bytes, and when it is used again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Slab, SLAB_BYTES } from "../src/loop/slab.ts";

const HALF = SLAB_BYTES / 2;
const isBun = "Bun" in globalThis;

/* A slab with a borrower, whose next buffer is one that may be lent. */
function lendingSlab(): Slab {
  const slab = new Slab();
  slab.addBorrower();
  slab.room();
  slab.claim(SLAB_BYTES);
  slab.room();
  return slab;
}

test("A buffer is used again when all of its chunks were given back", () => {
  const slab = lendingSlab();
  const chunks = [slab.claim(HALF), slab.claim(HALF)];
  chunks[0]![0] = 7;
  slab.giveBack(chunks[0]!);
  slab.room();
  assert.equal(chunks[1]!.length, HALF);
  slab.giveBack(chunks[1]!);
  assert.deepEqual(chunks.map(({ length }) => length), [0, 0]);
  slab.claim(SLAB_BYTES);
  /* The memory comes back, with its bytes. */
  assert.equal(slab.room()[0], 7);
});

test("A buffer with a chunk that is kept is never used again", () => {
  const slab = lendingSlab();
  const chunks = [slab.claim(HALF), slab.claim(HALF)];
  slab.own(chunks[0]!);
  slab.room();
  slab.giveBack(chunks[1]!);
  assert.equal(chunks[0]!.length, HALF);
  slab.giveBack(chunks[0]!);
  assert.equal(chunks[0]!.length, HALF);
});

test("A buffer is not used again while its records are dispatched", () => {
  const slab = lendingSlab();
  const memory = slab.room();
  slab.offset = SLAB_BYTES;
  slab.beginDispatch(3);
  const first = memory.subarray(0, 10);
  slab.giveBack(first);
  /* A read during the dispatch needs room. */
  slab.room();
  const second = memory.subarray(10, 20);
  assert.equal(second.length, 10);
  slab.giveBack(second);
  assert.equal(memory.length, SLAB_BYTES);
  /* The third record was not a chunk. */
  slab.endDispatch(1);
  assert.equal(memory.length, 0);
});

test("Without a borrower a full buffer is left to its chunks", () => {
  const slab = new Slab();
  const chunk = slab.claim(SLAB_BYTES);
  slab.room();
  slab.giveBack(chunk);
  assert.equal(chunk.length, SLAB_BYTES);
});

test("Without a borrower no buffer is kept for use again", () => {
  const slab = lendingSlab();
  const chunk = slab.claim(SLAB_BYTES);
  chunk[0] = 7;
  slab.room();
  slab.removeBorrower();
  slab.giveBack(chunk);
  slab.addBorrower();
  slab.claim(SLAB_BYTES);
  slab.room();
  slab.claim(SLAB_BYTES);
  assert.equal(slab.room()[0], 0);
});

test("The chunks of a former borrower's buffer can be kept", () => {
  const slab = lendingSlab();
  const chunk = slab.claim(HALF);
  slab.removeBorrower();
  slab.own(chunk);
  slab.room();
  slab.claim(HALF);
  slab.room();
  slab.giveBack(chunk);
  assert.equal(chunk.length, HALF);
});

test("In Bun, buffers that are used again seldom make the collector run", {
  skip: !isBun,
}, async () => {
  const name = "bun:jsc";
  const { fullGC, heapSize } = await import(name) as {
    fullGC(): void;
    heapSize(): number;
  };
  const slab = lendingSlab();
  fullGC();
  const before = heapSize();
  /* Bun counts each as new memory, until a collection. */
  for (let i = 0; i < 80; i++) {
    slab.giveBack(slab.claim(SLAB_BYTES));
    slab.room();
  }
  const counted = heapSize() - before;
  assert.ok(counted >= 80 * SLAB_BYTES, `${counted} bytes`);
});
