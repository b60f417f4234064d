// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile, ratioOf, spread, summarize } from "../summary.js";
import { resultsOf } from "./results.js";

test("quantile() lies between its neighbours", () => {
  assert.equal(quantile([4, 1, 3, 2, 5], 0.5), 3);
  assert.equal(quantile([1, 2], 0.25), 1.25);
  assert.equal(quantile([7], 0.9), 7);
  assert.equal(quantile([3, 1, 2], 0), 1);
  assert.equal(quantile([3, 1, 2], 1), 3);
});

test("median() of an even number is the mean of the two middle ones", () => {
  assert.equal(median([10, 1, 2, 3]), 2.5);
});

test("spread() has extremes and quartiles", () => {
  const found = { median: 3, min: 1, q1: 2, q3: 4, max: 5 };
  assert.deepEqual(spread([5, 3, 1, 4, 2]), found);
});

test("ratioOf() compares within each round", () => {
  // The second round was twice as slow for both, which says nothing of either.
  assert.equal(ratioOf([2, 4, 2], [1, 2, 1]), 2);
  assert.equal(ratioOf([1, 20, 1], [1, 2, 1]), 1);
  assert.ok(Number.isNaN(ratioOf([], [1])));
});

test("summarize() compares with the floor and with the runtime's own", () => {
  const { workloads: [workload], servers } = resultsOf("echo-64-x50", {
    "c": [1, 2],
    "deno-listen": [2, 4],
    "iocp-deno": [1.5, 3],
  });
  const [floor, , own] = summarize(workload, servers);
  assert.equal(own.main.median, 2.25);
  assert.equal(own.ratios.c, 1.5);
  assert.equal(own.ratios.own, 0.75);
  assert.ok(Number.isNaN(own.ratios.node));
  assert.ok(Number.isNaN(floor.ratios.c));
  assert.equal(own.others.find(({ name }) => name === "peakMib").median, 4);
});
