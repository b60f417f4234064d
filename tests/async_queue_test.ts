// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncQueue, type QueueReader } from "../src/socket/async_queue.ts";

interface Item {
  readonly name: string;
}

/* Logs the values that a reader gets. */
function logger(log: unknown[], name: string): QueueReader<Item> {
  return (item) => log.push([name, item?.name]);
}

test("AsyncQueue delivers values in order, whichever side comes first", () => {
  const queue = new AsyncQueue<Item>();
  const log: unknown[] = [];
  assert.equal(queue.push({ name: "a" }), false);
  assert.equal(queue.push({ name: "b" }), false);
  assert.equal(queue.length, 2);
  queue.read(logger(log, "first"));
  queue.read(logger(log, "second"));
  queue.read(logger(log, "third"));
  queue.read(logger(log, "fourth"));
  assert.equal(queue.length, 0);
  assert.equal(queue.push({ name: "c" }), true);
  assert.equal(queue.push({ name: "d" }), true);
  assert.equal(queue.push({ name: "e" }), false);
  assert.equal(queue.length, 1);
  assert.deepEqual(log, [
    ["first", "a"],
    ["second", "b"],
    ["third", "c"],
    ["fourth", "d"],
  ]);
});

test("AsyncQueue.cancel() removes only the given read", () => {
  const queue = new AsyncQueue<Item>();
  const log: unknown[] = [];
  const canceled = logger(log, "canceled");
  queue.read(logger(log, "first"));
  queue.read(canceled);
  queue.read(logger(log, "last"));
  queue.cancel(canceled);
  queue.cancel(canceled);
  queue.push({ name: "a" });
  queue.push({ name: "b" });
  assert.deepEqual(log, [["first", "a"], ["last", "b"]]);
});

test("AsyncQueue.close() ends pending reads at once, and later reads after the last value", () => {
  const queue = new AsyncQueue<Item>();
  const log: unknown[] = [];
  queue.read(logger(log, "pending"));
  assert.equal(queue.isClosed, false);
  queue.close();
  assert.equal(queue.isClosed, true);
  queue.push({ name: "late" });
  queue.read(logger(log, "later"));
  queue.read(logger(log, "last"));
  assert.deepEqual(log, [
    ["pending", undefined],
    ["later", "late"],
    ["last", undefined],
  ]);
});

test("AsyncQueue.shift() and clear() remove values", () => {
  const queue = new AsyncQueue<Item>();
  assert.equal(queue.shift(), undefined);
  for (const name of ["a", "b", "c"]) queue.push({ name });
  assert.equal(queue.shift()?.name, "a");
  assert.equal(queue.length, 2);
  assert.deepEqual(queue.clear().map(({ name }) => name), ["b", "c"]);
  assert.equal(queue.length, 0);
  assert.equal(queue.shift(), undefined);
});
