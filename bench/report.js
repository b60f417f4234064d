// Copyright the iocp authors. MIT license.

// What the figures come to: tables, and the page of the documentation. Nothing
// here measures.

import { max, median, min } from "d3-array";
import { markdownTable } from "markdown-table";
import { metrics } from "./workloads.js";

/** A larger share of the time spent waiting for the core makes figures doubtful. */
const QUIET = 0.03;

/* In each runtime: this module, the runtime's own sockets, node:net. */
const owned = {
  deno: ["iocp-deno", "deno-listen", "node-net-deno"],
  bun: ["iocp-bun", "bun-listen", "node-net-bun"],
};
const buffer = { deno: ["iocp-deno-buffer", "deno-listen-buffer"], bun: [] };
const fastest = { deno: buffer.deno, bun: owned.bun };
const http = {
  deno: ["iocp-deno", "", "node-net-deno"],
  bun: ["iocp-bun", "", "node-net-bun"],
};

/* Like beside like. */
const comparisons = [
  ["Echo of 64 bytes, owned chunks: CPU us a message", "echo-64-x50", owned],
  ["Echo of 64 bytes, caller's buffer", "echo-64-x50", buffer],
  ["Echo of 64 KiB, owned chunks: CPU us a message", "echo-64k-x16", owned],
  ["Echo of 64 KiB, caller's buffer", "echo-64k-x16", buffer],
  ["One connection: round trip, median us", "echo-64-x1", fastest],
  ["Fixed rate: latency, p99 us", "rate-64-x50", fastest],
  ["Connect, echo, close: CPU us a connection", "churn-x50", fastest],
  ["Broadcast to 1,000: CPU us a delivery", "broadcast-x1000", owned],
  ["8,000 idle connections: bytes each", "idle-8000", owned],
  ["node:http: CPU us a request", "http-x50", http],
];

/**
 * The ratio of what two servers have measured: the median of those of their
 * rounds, since what disturbs the machine for a while disturbs both of a round.
 */
export function ratioOf(values, others) {
  const pairs = Math.min(values.length, others.length);
  return median(values.slice(0, pairs), (value, i) => value / others[i]) ?? NaN;
}

function valuesOf(workload, name, metric = workload.metrics[0]) {
  const entry = workload.servers.find((one) => one.name === name);
  return entry?.rounds.map(metrics[metric].of) ?? [];
}

/** A number as it is shown; a dash where there is none. */
function format(value, digits = 2) {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

/** The figures of a workload as a table. */
export function workloadTable(workload) {
  const [main, ...others] = workload.metrics;
  const { title, digits } = metrics[main];
  const floor = valuesOf(workload, "c");
  const titles = ["server", title, "min", "max", "x C"];
  const rows = workload.servers.map(({ name }) => {
    const values = valuesOf(workload, name);
    return [
      name,
      ...[median(values), min(values), max(values)]
        .map((value) => format(value, digits)),
      format(name === "c" ? NaN : ratioOf(values, floor)),
      ...others.map((metric) =>
        format(median(valuesOf(workload, name, metric)), metrics[metric].digits)
      ),
    ];
  });
  return table([
    [...titles, ...others.map((metric) => metrics[metric].title)],
    ...rows,
  ]);
}

/** Sentences about the servers that failed or were disturbed. */
export function describeTrouble({ servers }) {
  return servers.flatMap(({ name, failure, rounds }) => {
    const shared = median(rounds, (round) => round.disturbed) > QUIET;
    if (failure) return [`${name} failed: ${failure.split("\n")[0]}.`];
    return shared
      ? [`${name} shared its core for more than ${100 * QUIET} % of the time.`]
      : [];
  });
}

/**
 * The comparisons that were measured, as a table. Beside a figure of others is
 * the ratio of this module's to it.
 */
export function comparisonTable({ workloads }) {
  const rows = comparisons.flatMap(([what, name, { deno, bun }]) => {
    const workload = workloads.find((one) => one.name === name);
    if (workload === undefined) return [];
    const { digits } = metrics[workload.metrics[0]];
    const cells = [deno, bun].flatMap((names) =>
      [0, 1, 2].map((i) => {
        const values = valuesOf(workload, names[i]);
        const figure = format(median(values), digits);
        const ratio = ratioOf(valuesOf(workload, names[0]), values);
        return i === 0 || isNaN(ratio)
          ? figure
          : `${figure} (${format(ratio)})`;
      })
    );
    return cells.every((cell) => cell === "-") ? [] : [[what, ...cells]];
  });
  return table([[
    "",
    ...["Deno: iocp", "`Deno.listen`", "`node:net`"],
    ...["Bun: iocp", "`Bun.listen`", "`node:net`"],
  ], ...rows]);
}

function table(rows) {
  const align = rows[0].map((_, i) => i === 0 ? "l" : "r");
  return markdownTable(rows, { align });
}

/**
 * A page of the documentation with other figures: between a comment with the
 * name of what is to be there, and the comment `end`.
 */
export function updatePage(page, results) {
  const { machine, commit, date, command, rounds, seconds } = results;
  const source = [
    `Measured on ${date}, at commit ${commit}, in ${rounds} rounds of ` +
    `${seconds} s, on ${machine}, by \`${command}\`.`,
  ];
  const figures = results.workloads.flatMap((workload) => [
    `### ${workload.name}`,
    workload.text,
    workloadTable(workload),
    ...describeTrouble(workload),
  ]);
  const parts = {
    comparison: [comparisonTable(results)],
    source,
    figures,
  };
  return page.replaceAll(
    /(<!-- (\w+) -->\n)[^]*?(<!-- end -->)/g,
    (_, begin, name, end) => `${begin}\n${parts[name].join("\n\n")}\n\n${end}`,
  );
}
