// Copyright the iocp authors. MIT license.
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyFifo, Fifo, pushed, unshifted } from "../src/socket/fifo.ts";
import { Random } from "./shared/random.ts";

function filled(count: number): Fifo<{ n: number }> {
  const fifo = new Fifo<{ n: number }>();
  for (let n = 0; n < count; n++) fifo.push({ n });
  return fifo;
}

test("Fifo.shift() returns any number of entries in order", () => {
  for (const count of [1, 2, 3, 1023, 1024, 1025, 5000]) {
    const fifo = filled(count);
    for (let n = 0; n < count; n++) assert.equal(fifo.shift()?.n, n);
    assert.equal(fifo.shift(), undefined);
    assert.equal(fifo.isEmpty, true);
  }
});

test("Fifo keeps the order while entries are pushed and shifted", () => {
  const fifo = filled(0);
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 3000; round++) {
    for (let i = 0; i < 1 + round % 7; i++) fifo.push({ n: pushed++ });
    for (let i = 0; i < 1 + round % 5 && !fifo.isEmpty; i++) {
      assert.equal(fifo.shift()?.n, shifted++);
    }
  }
  assert.deepEqual(
    fifo.removeAll().map(({ n }) => n),
    Array.from({ length: pushed - shifted }, (_, i) => shifted + i),
  );
});

test("Fifo.unshift() adds in front, also of entries behind removed ones", () => {
  for (const count of [0, 1, 2, 3, 2000]) {
    for (const removed of [0, 1, 2, 1500]) {
      if (removed > count) continue;
      const fifo = filled(count);
      for (let n = 0; n < removed; n++) fifo.shift();
      for (const n of [-1, -2, -3]) fifo.unshift({ n });
      assert.equal(fifo.length, count - removed + 3);
      assert.deepEqual(
        fifo.removeAll().map(({ n }) => n),
        [
          -3,
          -2,
          -1,
          ...Array.from({ length: count - removed }, (_, n) => removed + n),
        ],
      );
    }
  }
  const one = unshifted(emptyFifo<{ n: number }>(), { n: 1 });
  assert.equal(one.length, 1);
  assert.equal(unshifted(one, { n: 2 }), one);
  assert.equal(emptyFifo().isEmpty, true);
});

test("Fifo.last is the newest entry, and Fifo.length their number", () => {
  const fifo = filled(0);
  const lastOf = () => fifo.last?.n;
  for (const count of [0, 1, 2, 3]) {
    for (let n = 0; n < count; n++) {
      fifo.push({ n });
      assert.equal(lastOf(), n);
      assert.equal(fifo.length, n + 1);
    }
    while (!fifo.isEmpty) {
      assert.equal(lastOf(), count - 1);
      const { length } = fifo;
      fifo.shift();
      assert.equal(fifo.length, length - 1);
    }
    assert.equal(lastOf(), undefined);
  }
});

test("Fifo.remove() removes one entry and keeps the order", () => {
  for (const index of [0, 1, 2, 3]) {
    const entries = Array.from({ length: 4 }, (_, n) => ({ n }));
    const fifo = new Fifo<{ n: number }>();
    for (const entry of entries) fifo.push(entry);
    fifo.remove(entries[index]!);
    fifo.remove({ n: 0 });
    entries.splice(index, 1);
    assert.equal(fifo.length, 3);
    assert.deepEqual(fifo.removeAll(), entries);
  }
});

test("Fifo.remove() of an entry that is not in it changes nothing", () => {
  for (const count of [0, 1, 2]) {
    const fifo = filled(count);
    fifo.remove({ n: 0 });
    assert.equal(fifo.length, count);
  }
});

test("pushed() never fills the shared empty queue", () => {
  const empty = emptyFifo<{ n: number }>();
  const one = pushed(empty, { n: 1 });
  const other = pushed(empty, { n: 2 });
  assert.notEqual(one, empty);
  assert.notEqual(one, other);
  assert.equal(pushed(one, { n: 3 }), one);
  assert.deepEqual(one.removeAll(), [{ n: 1 }, { n: 3 }]);
  assert.deepEqual(other.removeAll(), [{ n: 2 }]);
  assert.equal(empty.isEmpty, true);
  assert.equal(empty.shift(), undefined);
  assert.equal(emptyFifo(), empty);
});

test("Fifo.replaceFirst() changes only the first entry", () => {
  const fifo = filled(3);
  fifo.replaceFirst({ n: 9 });
  assert.deepEqual(fifo.first, { n: 9 });
  assert.deepEqual(fifo.removeAll(), [{ n: 9 }, { n: 1 }, { n: 2 }]);
  assert.equal(fifo.first, undefined);
});

test("Fifo.remove() finds an entry wherever it is, while others come and go", () => {
  const random = new Random(5);
  const fifo = new Fifo<{ n: number }>();
  const expected: { n: number }[] = [];
  for (let n = 0; n < 20_000; n++) {
    if (random.chance(0.52)) {
      const entry = { n };
      fifo.push(entry);
      expected.push(entry);
    } else if (random.chance(0.5)) {
      assert.equal(fifo.shift(), expected.shift());
    } else if (expected.length > 0) {
      const at = random.integer(0, expected.length - 1);
      fifo.remove(expected[at]!);
      expected.splice(at, 1);
    }
    assert.equal(fifo.length, expected.length);
    assert.equal(fifo.first, expected[0]);
    assert.equal(fifo.last, expected.at(-1));
  }
  fifo.remove({ n: 0 });
  assert.deepEqual(fifo.removeAll(), expected);
});
