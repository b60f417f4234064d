// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { compare, describePage, ratioOf, workloadRows } from "../report.js";
import { workloads } from "../workloads.js";

function results(name, cpuUs) {
  const workload = workloads.find((one) => one.name === name);
  const names = Object.keys(cpuUs);
  const own = { "iocp-deno": "deno-listen", "iocp-bun": "bun-listen" };
  return {
    date: "2020-01-02T03:04:05.678Z",
    commit: "abc",
    command: "npm run bench --",
    machine: { cpu: "a processor", cores: 2, system: "Linux" },
    settings: { rounds: 2, seconds: 1 },
    leftOut: ["something: for some reason"],
    servers: names.map((name) => ({ name, own: own[name] })),
    workloads: [{
      ...workload,
      servers: names.map((name) => ({
        name,
        rounds: cpuUs[name].map((us) => ({
          messages: 1000,
          seconds: 1,
          serverCpuSeconds: us / 1000,
          latencyUs: { p50: 10, p99: 30 },
          memoryKiB: { peak: 4096 },
          disturbed: 0,
        })),
      })),
    }],
  };
}

test("ratioOf() compares within each round", () => {
  // The second round was twice as slow for both, which says nothing of either.
  assert.equal(ratioOf([2, 4, 2], [1, 2, 1]), 2);
  assert.equal(ratioOf([1, 20, 1], [1, 2, 1]), 1);
  assert.ok(Number.isNaN(ratioOf([], [1])));
});

test("A table has the spread, and the ratios to the floor and the own sockets", () => {
  const { workloads: [workload], servers } = results("echo-64-x50", {
    "c": [1, 2],
    "deno-listen": [2, 4],
    "iocp-deno": [1.5, 3],
  });
  const rows = workloadRows(workload, servers);
  assert.deepEqual(rows[3].slice(0, 6), [
    "iocp-deno",
    "2.25",
    "1.50",
    "3.00",
    "1.50",
    "0.75",
  ]);
  assert.deepEqual(rows[1].slice(4, 6), ["-", "-"]);
});

test("The page has the comparisons, with a dash for what was not measured", () => {
  const measured = results("echo-64-x50", {
    "iocp-bun": [1, 1],
    "bun-listen": [2, 2],
  });
  const [row] = compare(measured);
  assert.deepEqual(row.slice(1), ["-", "-", "-", "1.00", "2.00", "0.50"]);
  const page = describePage(measured);
  assert.match(page, /Left out: something: for some reason\./);
  assert.match(page, /\| iocp-bun +\| +1\.00 /);
});
