// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, UsageError } from "../options.js";
import { workloads } from "../workloads.js";

const namesOf = (args) => parseOptions(args).workloads.map(({ name }) => name);

test("parseOptions() takes workloads by name and by kind", () => {
  assert.equal(namesOf([]).length, workloads.length);
  assert.deepEqual(namesOf(["--workload", "idle, churn-x50"]), [
    "churn-x50",
    "idle-1000",
    "idle-8000",
  ]);
});

test("parseOptions() makes --quick short, unless it is told how long", () => {
  assert.equal(parseOptions(["--quick"]).rounds, 1);
  assert.equal(parseOptions(["--quick", "--rounds", "3"]).rounds, 3);
  assert.equal(parseOptions([]).rounds, 5);
  assert.equal(parseOptions(["--quick"]).settle, 0.3);
  assert.equal(parseOptions([]).settle, 25);
  assert.equal(parseOptions(["--settle", "12"]).settle, 12);
});

test("parseOptions() refuses what it does not know", () => {
  const wrong = [
    ["--workload", "echo-63"],
    ["--rounds", "0"],
    ["--rounds", "1.5"],
    ["--seconds", "x"],
    ["--settle", "-1"],
    ["--fast"],
  ];
  for (const args of wrong) {
    assert.throws(() => parseOptions(args), UsageError, args.join(" "));
  }
});
