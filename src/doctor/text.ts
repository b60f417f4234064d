// Copyright the iocp authors. MIT license.

import {
  type CheckResult,
  type Report,
  type Status,
  systemError,
} from "./report.ts";

const STATUS_WIDTH = 8;
const ID_WIDTH = 14;
const INDENT = " ".repeat(STATUS_WIDTH + ID_WIDTH + 2);

function linesOf(
  { id, status, summary, advice, error }: CheckResult,
): string[] {
  const first = `${status.padEnd(STATUS_WIDTH)} ${id.padEnd(ID_WIDTH)} `;
  const details = [error?.code, error?.syscall].filter((word) => word);
  if (error?.errno) details.push(systemError(error.errno));
  const suffix = details.length > 0 ? ` (${details.join(", ")})` : "";
  return [
    `${first}${summary}${suffix}`,
    ...advice.map((text) => `${INDENT}- ${text}`),
  ];
}

/** The report for a person. */
export function textOf(report: Report): string {
  const { checks, version, durationMs, status } = report;
  const count = (wanted: Status) =>
    checks.filter((check) => check.status === wanted).length;
  const counts = (["ok", "warning", "failed", "skipped"] as const)
    .map((wanted) => `${count(wanted)} ${wanted}`).join(", ");
  return [
    `iocp ${version} doctor`,
    "",
    ...checks.flatMap(linesOf),
    "",
    `${counts} (${(durationMs / 1000).toFixed(1)} s)`,
    status === "ok"
      ? "Everything that was checked works."
      : "Something is wrong. Lines that begin with a dash say what to do. To report a problem, attach the output of --json.",
  ].join("\n");
}
