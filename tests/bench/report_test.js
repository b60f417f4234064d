// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  comparisonTables,
  ratioOf,
  updatePage,
  workloadTable,
} from "../../bench/report.js";
import { workloads } from "../../bench/workloads.js";

/* A workload with the CPU time of a message in each round of its servers. */
function measured(name, cpuUs) {
  const servers = Object.entries(cpuUs).map(([name, values]) => ({
    name,
    rounds: values.map((us) => ({
      messages: 1000,
      seconds: 1,
      serverCpuSeconds: us / 1000,
    })),
  }));
  return { ...workloads.find((one) => one.name === name), servers };
}

function cellsOf(table, name) {
  const line = table.split("\n").find((one) => one.includes(`| ${name} `));
  return line.split("|").slice(2, -1).map((cell) => cell.trim());
}

test("ratioOf() compares within each round", () => {
  // The machine was slower in the second round, for both.
  assert.equal(ratioOf([2, 4, 2], [1, 2, 1]), 2);
  assert.equal(ratioOf([1, 20, 1], [1, 2, 1]), 1);
  assert.ok(Number.isNaN(ratioOf([], [1])));
});

test("workloadTable() shows the spread and the ratio to the floor", () => {
  const table = workloadTable(measured("echo-64-x50", {
    "c": [1, 2],
    "iocp-deno": [1.5, 3],
  }));
  const expected = ["2.25", "1.50", "3.00", "1.50"];
  assert.deepEqual(cellsOf(table, "iocp-deno").slice(0, 4), expected);
  assert.equal(cellsOf(table, "c")[3], "-");
});

test("comparisonTables() compares like with like, with a dash for no figure", () => {
  const echo = measured("echo-64-x50", {
    "iocp-bun": [1, 1],
    "bun-listen": [2, 2],
    "iocp-deno-buffer": [6, 3],
    "deno-listen-buffer": [4, 2],
    "deno-listen": [100, 100],
  });
  const table = comparisonTables([echo]);
  assert.deepEqual(
    cellsOf(table, "Echo of 64 bytes, owned chunks: CPU us a message"),
    ["-", "100.00", "-", "1.00", "2.00 (0.50)", "-"],
  );
  assert.deepEqual(
    cellsOf(table, "Echo of 64 bytes, caller's buffer"),
    ["4.50", "3.00 (1.50)", "-", "-", "-", "-"],
  );
});

test("updatePage() replaces the figures of the page and nothing else", async () => {
  const file = join(import.meta.dirname, "../../docs/benchmarks.md");
  const page = await readFile(file, "utf8");
  const workload = measured("churn-x50", { "iocp-bun": [7] });
  const results = { workloads: [workload], date: "2020-01-02" };
  const text = updatePage(page, results);
  assert.match(text, /^\| Connect, echo, close.* 7\.00 /m);
  assert.match(text, /^Measured on 2020-01-02/m);
  assert.match(
    text,
    /^### churn-x50\n\nConnect, one echo[^]*\| iocp-bun \| +7\.00 /m,
  );
  assert.doesNotMatch(text, /^### echo/m);
  assert.match(text, /^## What the figures do not say$/m);
  assert.equal(updatePage(text, results), text);
});

test("updatePage() keeps the figures of a kind that was not measured", () => {
  const parts = ["comparison", "datagram_comparison", "datagram_source"];
  const page = parts.map((name) => `<!-- ${name} -->\n\nold\n\n<!-- end -->\n`)
    .join("\n");
  const received = measured("datagram-receive-64", {
    "iocp-bun-batches": [1],
    "bun-listen-batches": [2],
  });
  const text = updatePage(page, { workloads: [received], date: "2020-01-02" });
  const [streams, comparison, source] = text.split("<!-- end -->");
  assert.match(streams, /^old$/m);
  assert.match(source, /^Measured on 2020-01-02/m);
  assert.match(
    comparison,
    /^\| datagram-receive-64, many.* 2\.00 \(0\.50\) /m,
  );
});
