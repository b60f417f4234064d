// Copyright the iocp authors. MIT license.

const columns = [
  ["server", (row) => row.name],
  ["median", (row) => row.median.toFixed(2)],
  ["min", (row) => row.min.toFixed(2)],
  ["max", (row) => row.max.toFixed(2)],
  ["x C", (row) => ratio(row, row.floor)],
  ["x own", (row) => ratio(row, row.own)],
  ["messages/s", (row) => row.perSecond.toFixed(0)],
  ["p50 us", (row) => row.p50Us.toFixed(0)],
  ["p99 us", (row) => row.p99Us.toFixed(0)],
];

/**
 * A table of the summaries of one workload, by server name: CPU microseconds a
 * message, and how that compares to the C floor and to the runtime's own.
 */
export function formatTable(servers, summaries) {
  const rows = servers.map(({ name, own }) => ({
    ...summaries.get(name),
    name,
    floor: summaries.get("c"),
    own: summaries.get(own),
  }));
  const cells = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  const widths = columns.map((_, i) =>
    Math.max(...cells.map((line) => line[i].length))
  );
  return cells.map((line) =>
    line.map((text, i) =>
      i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])
    ).join("  ")
  ).join("\n");
}

function ratio(row, other) {
  return other ? (row.median / other.median).toFixed(2) : "";
}
