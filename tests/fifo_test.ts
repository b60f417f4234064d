// Copyright the iocp authors. MIT license.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fifo } from "../src/fifo.ts";

function filled(count: number): Fifo<{ n: number }> {
  const fifo = new Fifo<{ n: number }>();
  for (let n = 0; n < count; n++) fifo.push({ n });
  return fifo;
}

test("Fifo gives back in order, however many it holds", () => {
  for (const count of [1, 2, 3, 1023, 1024, 1025, 5000]) {
    const fifo = filled(count);
    for (let n = 0; n < count; n++) assert.equal(fifo.shift()?.n, n);
    assert.equal(fifo.shift(), undefined);
    assert.equal(fifo.isEmpty, true);
  }
});

test("Fifo keeps the order while it is filled and emptied by turns", () => {
  const fifo = filled(0);
  let pushed = 0;
  let taken = 0;
  for (let round = 0; round < 3000; round++) {
    for (let i = 0; i < 1 + round % 7; i++) fifo.push({ n: pushed++ });
    for (let i = 0; i < 1 + round % 5 && !fifo.isEmpty; i++) {
      assert.equal(fifo.shift()?.n, taken++);
    }
  }
  assert.deepEqual(
    fifo.takeAll().map(({ n }) => n),
    Array.from({ length: pushed - taken }, (_, i) => taken + i),
  );
});

test("Fifo.replaceFirst() changes only what is taken next", () => {
  const fifo = filled(3);
  fifo.replaceFirst({ n: 9 });
  assert.deepEqual(fifo.first, { n: 9 });
  assert.deepEqual(fifo.takeAll(), [{ n: 9 }, { n: 1 }, { n: 2 }]);
  assert.equal(fifo.first, undefined);
});
