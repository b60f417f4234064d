// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeVerdict, judge } from "../goals.js";
import { workloads } from "../workloads.js";
import { resultsOf } from "./results.js";

const floorGoal = "echo up to 16 KiB, CPU over the C floor";

function verdictOf(results, runtime) {
  return judge(results).find((verdict) =>
    verdict.what === floorGoal && verdict.runtime === runtime &&
    verdict.workload === "echo-64-x50"
  );
}

test("judge() compares with the limit of the runtime", () => {
  const results = resultsOf("echo-64-x50", {
    "c": [1, 1],
    "iocp-deno": [1.1, 1.1],
    "iocp-bun": [1.1, 1.1],
  });
  const deno = verdictOf(results, "Deno");
  assert.equal(deno.isMet, true);
  assert.ok(Math.abs(deno.measured - 1.1) < 1e-9);
  assert.equal(describeVerdict(verdictOf(results, "Bun")), "NOT MET");
});

test("judge() says why something was not measured", () => {
  const results = resultsOf("echo-64-x50", { "c": [1], "iocp-bun": [1] });
  assert.equal(verdictOf(results, "Deno").reason, "no iocp-deno");
  assert.equal(verdictOf(results, "Deno").isMet, undefined);
  assert.equal(
    judge(results).find(({ workload }) => workload === "churn-x50").reason,
    "not run",
  );
});

test("judge() takes a server that has failed for a goal that is missed", () => {
  const results = resultsOf("echo-64-x50", { "c": [1], "iocp-bun": [] });
  results.workloads[0].servers[1].failure = "wrong data";
  assert.equal(verdictOf(results, "Bun").isMet, false);
});

test("every goal is about workloads that there are", () => {
  const names = workloads.map(({ name }) => name);
  for (const { workload } of judge({ workloads: [] })) {
    assert.ok(names.includes(workload), workload);
  }
});
