// Copyright the iocp authors. MIT license.

// What the figures come to: tables, and the page of the documentation. Nothing
// here measures.

import { max, median, min } from "d3-array";
import { markdownTable } from "markdown-table";
import { metrics, workloads } from "./workloads.js";

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
const batches = {
  deno: ["iocp-deno-batches", "deno-listen", "node-net-deno"],
  bun: ["iocp-bun-batches", "bun-listen-batches", "node-net-bun"],
};

/* Like beside like. */
const streams = [
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
const datagrams = workloads.map(({ name }) => name)
  .filter((name) => name.startsWith("datagram"))
  .flatMap((name) => [
    [`${name}, one by one: CPU us`, name, owned],
    [`${name}, many at once`, name, batches],
  ]);

/* What is reported of each kind of workload, by what precedes the names of its
 * parts of a page: the comparisons, and the columns of these. */
const kinds = {
  "": [streams, "`Deno.listen`", "`Bun.listen`", "`node:net`"],
  datagram_: [datagrams, "`listenDatagram`", "`udpSocket`", "`node:dgram`"],
};

const kindOf = ({ name }) => name.startsWith("datagram") ? "datagram_" : "";

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
    const spread = [median, min, max].map((of) => format(of(values), digits));
    const ratio = format(name === "c" ? NaN : ratioOf(values, floor));
    const rest = others.map((metric) =>
      format(median(valuesOf(workload, name, metric)), metrics[metric].digits)
    );
    return [name, ...spread, ratio, ...rest];
  });
  const otherTitles = others.map((metric) => metrics[metric].title);
  return table([[...titles, ...otherTitles], ...rows]);
}

/** Sentences about the servers that failed or were disturbed. */
export function describeTrouble({ servers }) {
  const isShared = ({ rounds }) =>
    median(rounds, (round) => round.disturbed) > QUIET;
  const failed = servers.filter(({ failure }) => failure)
    .map(({ name, failure }) => `${name} failed: ${failure.split("\n")[0]}.`);
  const shared = servers.filter(isShared).map(({ name }) => name).join(", ");
  const share = `Shared the core for more than ${100 * QUIET} % of the time`;
  return shared === "" ? failed : [...failed, `${share}: ${shared}.`];
}

/**
 * The comparisons that were measured, as a table for each kind of workload. Beside
 * a figure of others is the ratio of this module's to it.
 */
export function comparisonTables(measured) {
  return Object.values(kinds).flatMap(([comparisons, deno, bun, node]) => {
    const rows = comparisons.flatMap((row) => comparisonRow(measured, row));
    const titles = ["Deno: iocp", deno, node, "Bun: iocp", bun, node];
    return rows.length > 0 ? [table([["", ...titles], ...rows])] : [];
  }).join("\n\n");
}

function comparisonRow(measured, [what, name, { deno, bun }]) {
  const workload = measured.find((one) => one.name === name);
  if (workload === undefined) return [];
  const { digits } = metrics[workload.metrics[0]];
  const cells = [deno, bun].flatMap((names) =>
    [0, 1, 2].map((i) => {
      const values = valuesOf(workload, names[i]);
      const figure = format(median(values), digits);
      const ratio = ratioOf(valuesOf(workload, names[0]), values);
      return i === 0 || isNaN(ratio) ? figure : `${figure} (${format(ratio)})`;
    })
  );
  return cells.every((cell) => cell === "-") ? [] : [[what, ...cells]];
}

function table(rows) {
  const align = rows[0].map((_, i) => i === 0 ? "l" : "r");
  return markdownTable(rows, { align });
}

/**
 * A page of the documentation with other figures: between a comment with the
 * name of what is to be there, and the comment `end`. Those of a kind of workload
 * of which none was measured stay.
 */
export function updatePage(page, results) {
  const { machine, commit, date, command, rounds, seconds } = results;
  const source =
    `Measured on ${date}, at commit ${commit}, in ${rounds} rounds ` +
    `of ${seconds} s, on ${machine}, by \`${command}\`.`;
  const parts = {};
  for (const kind of Object.keys(kinds)) {
    const own = results.workloads.filter((one) => kindOf(one) === kind);
    if (own.length === 0) continue;
    parts[`${kind}comparison`] = comparisonTables(own);
    parts[`${kind}source`] = source;
    parts[`${kind}figures`] = own.flatMap((workload) => [
      `### ${workload.name}`,
      workload.text,
      workloadTable(workload),
      ...describeTrouble(workload),
    ]).join("\n\n");
  }
  const fill = (all, begin, name, end) =>
    name in parts ? `${begin}\n${parts[name]}\n\n${end}` : all;
  return page.replaceAll(/(<!-- (\w+) -->\n)[^]*?(<!-- end -->)/g, fill);
}
