// Copyright the iocp authors. MIT license.

// What the figures come to: tables, and the comparisons of the documentation.
// Nothing here measures.

import { median } from "d3-array";
import { markdownTable } from "markdown-table";
import { formatMetric, metrics, valuesOf } from "./metrics.js";
import { mainMetric } from "./workloads.js";

/** A larger share of the time spent waiting for the core makes figures doubtful. */
const QUIET = 0.03;

/**
 * What the documentation shows: this module beside what it replaces in each
 * runtime, like with like. `deno` and `bun` are pairs of servers.
 */
const comparisons = [
  row(
    "echo of 64 bytes, 50 connections: CPU us a message",
    "echo-64-x50",
    "cpuUs",
  ),
  row("one connection: round trip, us (median)", "echo-64-x1", "p50Us"),
  row(
    "echo of 64 KiB, owned chunks: CPU us a message",
    "echo-64k-x16",
    "cpuUs",
    {
      deno: ["iocp-deno", "deno-readable"],
    },
  ),
  row(
    "echo of 64 KiB, caller's buffer: CPU us a message",
    "echo-64k-x16",
    "cpuUs",
    {
      deno: ["iocp-deno-own", "deno-listen"],
      bun: undefined,
    },
  ),
  row("fixed rate at half load: p99 us", "rate-64-x50", "p99Us"),
  row("connect, echo, close: connections a second", "churn-x50", "perSecond"),
  row("broadcast to 1,000: CPU us a delivery", "broadcast-x1000", "cpuUs"),
  row("8,000 idle connections: bytes each", "idle-8000", "bytesEach"),
  row("HTTP by node:http over it: CPU us a request", "http-x50", "cpuUs", {
    deno: ["iocp-deno", "node-net-deno"],
    bun: ["iocp-bun", "node-net-bun"],
  }),
];

function row(what, workload, metric, servers = {}) {
  return {
    what,
    workload,
    metric,
    deno: ["iocp-deno", "deno-listen"],
    bun: ["iocp-bun", "bun-listen"],
    ...servers,
  };
}

/**
 * What one server has measured over another: the median of the ratios of their
 * rounds, since what disturbs the machine for a while disturbs both of a round.
 */
export function ratioOf(values, others) {
  const pairs = Math.min(values.length, others.length);
  return median(values.slice(0, pairs), (value, i) => value / others[i]) ?? NaN;
}

/** The rows of a workload, the first one with the titles. */
export function workloadRows(workload, servers) {
  const main = mainMetric(workload);
  const others = workload.metrics.filter((name) => name !== main);
  const values = (name, metric = main) =>
    valuesOf(roundsOf(workload, name), metric, workload);
  const titles = [
    "server",
    metrics[main].title,
    "min",
    "max",
    "x C",
    "x own",
    ...others.map((name) => metrics[name].title),
  ];
  const rows = workload.servers.map(({ name }) => {
    const own = servers.find((server) => server.name === name)?.own;
    const over = (other) =>
      other === undefined || other === name
        ? NaN
        : ratioOf(values(name), values(other));
    return [
      name,
      ...[median(values(name)), ...extremes(values(name))]
        .map((value) => formatMetric(main, value)),
      ...[over("c"), over(own)].map(formatRatio),
      ...others.map((metric) =>
        formatMetric(metric, median(values(name, metric)))
      ),
    ];
  });
  return [titles, ...rows];
}

function extremes(values) {
  return [Math.min(...values), Math.max(...values)];
}

function roundsOf(workload, name) {
  return workload.servers.find((entry) => entry.name === name)?.rounds ?? [];
}

/** Figures in words: which servers failed or were disturbed. */
export function describeTrouble({ servers }) {
  const failed = servers.filter(({ failure }) => failure !== undefined)
    .map(({ name, failure }) =>
      `${name} has failed: ${failure.split("\n")[0]}`
    );
  const disturbed = servers.filter(({ rounds }) =>
    median(rounds, (round) => round.disturbed) > QUIET
  ).map(({ name }) => name);
  return disturbed.length === 0 ? failed : [
    ...failed,
    `not a quiet machine: ${disturbed.join(", ")} waited for the core for ` +
    `more than ${100 * QUIET} % of the time`,
  ];
}

/** Each comparison with what was measured for it. */
export function compare(results) {
  return comparisons.flatMap(({ what, workload: name, metric, deno, bun }) => {
    const workload = results.workloads.find((one) => one.name === name);
    if (workload === undefined) return [];
    const cells = [deno, bun].map((pair) => {
      if (pair === undefined) return ["-", "-", "-"];
      const [ours, other] = pair.map((server) =>
        valuesOf(roundsOf(workload, server), metric, workload)
      );
      return [
        formatMetric(metric, median(ours)),
        formatMetric(metric, median(other)),
        formatRatio(ratioOf(ours, other)),
      ];
    });
    return [[what, ...cells.flat()]];
  });
}

/** The comparisons as a table in Markdown, and as text. */
export function comparisonTable(results) {
  return table([
    [
      "",
      "Deno: iocp",
      "Deno's own",
      "ratio",
      "Bun: iocp",
      "Bun's own",
      "ratio",
    ],
    ...compare(results),
  ]);
}

/** Rows as a table in Markdown; the first column is text. */
export function table(rows) {
  const align = rows[0].map((_, i) => i === 0 ? "l" : "r");
  return markdownTable(rows, { align });
}

/** The page of the documentation. */
export function describePage(results) {
  const { machine, commit, date, command, settings } = results;
  return [
    "# Benchmarks",
    "Measured side by side, in one run, on one machine, with the options of " +
    "each library's first example. Ratios are medians of the ratios of the " +
    "rounds: below 1 is better, but above 1 for connections a second.",
    comparisonTable(results),
    `\`${command}\`, ${settings.rounds} rounds of ${settings.seconds} s, ` +
    `${date.slice(0, 10)}, commit ${commit}; ${describeMachine(machine)}. ` +
    "Written by that command; do not edit it.",
    [
      "- A round is a new process of the server on one core, and a load in C " +
      "on another one. The servers take turns, in an order that changes.",
      "- The load checks every byte. CPU is that of the server's process, read " +
      "at both ends of the interval that counts.",
      "- All is on the loopback interface of one machine, with one thread that " +
      "serves. Windows is not measured: under Wine the speed would be Wine's.",
      "- Owned chunks: `for await` here, `conn.readable` in Deno, `data` in " +
      "Bun. Caller's buffer: `conn.chunks(p)` here, `conn.read(p)` in Deno.",
      "- HTTP compares this module's duplex under node:http with the runtime's " +
      "own node:http, since Deno.serve and Bun.serve are native servers; their " +
      "figures are in the table of the workload.",
    ].join("\n"),
    "## Every workload",
    ...results.workloads.flatMap((workload) => [
      `### ${workload.name}`,
      `${sentence(workload.text)}${
        workload.rate === undefined
          ? ""
          : ` The rate: ${workload.rate} a second.`
      }`,
      table(workloadRows(workload, results.servers)),
      ...describeTrouble(workload).map(sentence),
    ]),
    ...results.leftOut.map((line) => `Left out: ${line}.`),
  ].join("\n\n") + "\n";
}

/** The machine in one line. */
export function describeMachine({ cpu, cores, system, deno, bun, node }) {
  return `${cpu}, ${cores} cores, ${system}; Deno ${deno}, Bun ${bun}, Node ${node}`;
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function formatRatio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : "-";
}
