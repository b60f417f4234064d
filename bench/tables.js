// Copyright the iocp authors. MIT license.

// Tables of results: rows of cells, and their two forms, for the terminal and in
// Markdown.

import { describeLimit, describeMeasured, describeVerdict } from "./goals.js";
import { kinds } from "./kinds.js";
import { formatMetric, metrics } from "./metrics.js";
import { summarize } from "./summary.js";

/** The rows of a workload, the first one with the titles. */
export function workloadRows(workload, servers) {
  const { main, others } = kinds[workload.kind];
  const hasCalls = workload.servers.some(({ calls }) => calls !== undefined);
  const titles = ["server", metrics[main].title, "min", "max", "x C", "x own"]
    .concat("x node:net", others.map((name) => metrics[name].title))
    .concat(hasCalls ? ["calls"] : []);
  const rows = summarize(workload, servers).map((row) => [
    row.server.name,
    formatMetric(main, row.main.median),
    formatMetric(main, row.main.min),
    formatMetric(main, row.main.max),
    ...[row.ratios.c, row.ratios.own, row.ratios.node].map(formatRatio),
    ...row.others.map(({ name, median }) => formatMetric(name, median)),
    ...(hasCalls ? [formatRatio(row.calls?.perMessage)] : []),
  ]);
  return withoutEmpty([titles, ...rows]);
}

/** The rows of the verdicts, the first one with the titles. */
export function goalRows(verdicts) {
  return [
    ["verdict", "goal", "runtime", "workload", "limit", "measured"],
    ...verdicts.map((verdict) => [
      describeVerdict(verdict),
      verdict.what,
      verdict.runtime,
      verdict.workload,
      describeLimit(verdict),
      describeMeasured(verdict),
    ]),
  ];
}

/** For the terminal; so many columns from the left are text. */
export function formatText(rows, textColumns = 1) {
  const widths = widthsOf(rows);
  return rows.map((row) =>
    row.map((cell, i) => pad(cell, widths[i], i < textColumns)).join("  ")
      .trimEnd()
  ).join("\n");
}

/** In Markdown, as dprint formats it. */
export function formatMarkdown(rows, textColumns = 1) {
  const widths = widthsOf(rows);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const [titles, ...others] = rows.map((row) =>
    line(row.map((cell, i) => pad(cell, widths[i], i < textColumns)))
  );
  const rule = line(
    widths.map((width, i) =>
      i < textColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
    ),
  );
  return [titles, rule, ...others].join("\n");
}

/* A column in which nobody has anything says nothing. */
function withoutEmpty(rows) {
  const kept = rows[0].map((_, i) =>
    i === 0 || rows.slice(1).some((row) => row[i] !== "-")
  );
  return rows.map((row) => row.filter((_, i) => kept[i]));
}

function widthsOf(rows) {
  return rows[0].map((_, i) =>
    Math.max(3, ...rows.map((row) => row[i].length))
  );
}

function pad(cell, width, isText) {
  return isText ? cell.padEnd(width) : cell.padStart(width);
}

function formatRatio(value) {
  return Number.isFinite(value) ? value.toFixed(2) : "-";
}
