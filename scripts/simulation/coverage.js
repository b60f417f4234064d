// Copyright the iocp authors. MIT license.

// How much of the Windows engine a simulation that was compiled for coverage
// has run: lines, and branches (each way out of a condition counts).

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";

const part = "src/windows";

/** One `{ file, lines, branches, missed }` a file, in the order of their names. */
export async function coverageOf(debian, ffi, folder) {
  const prefix = `${part.replaceAll("/", "_")}_`;
  const objects = (await readdir(folder))
    .filter((name) => name.startsWith(prefix) && name.endsWith(".o")).sort();
  const result = await debian.run(
    "gcov",
    [
      "--json-format",
      "--stdout",
      "--branch-probabilities",
      ...objects.map((name) => join(folder, name)),
    ],
    { cwd: ffi, folders: [folder, ffi], timeout: 120_000 },
  );
  if (!result.ok) throw new Error(result.output);
  const files = new Map();
  for (const line of result.stdout.split("\n")) {
    if (!line.startsWith("{")) continue;
    for (const file of JSON.parse(line).files) {
      if (file.file.includes(part)) files.set(file.file, countFile(file));
    }
  }
  return [...files.values()].filter(({ lines }) => lines.all > 0);
}

function countFile({ file, lines }) {
  const counts = { lines: { all: 0, run: 0 }, branches: { all: 0, run: 0 } };
  const missed = [];
  for (const line of lines) {
    counts.lines.all += 1;
    if (line.count > 0) counts.lines.run += 1;
    else missed.push(line.line_number);
    for (const branch of line.branches) {
      counts.branches.all += 1;
      if (branch.count > 0) counts.branches.run += 1;
      else if (line.count > 0) missed.push(`${line.line_number} (a branch)`);
    }
  }
  return { file: basename(file), ...counts, missed };
}

/** The sums over all files, in percent. */
export function coverageTotal(files) {
  const percent = (what) => {
    const sum = (key) =>
      files.reduce((total, file) => total + file[what][key], 0);
    return 100 * sum("run") / sum("all");
  };
  return { lines: percent("lines"), branches: percent("branches") };
}

/** Lines to be read: one a file, what was missed in it, and the total. */
export function describeCoverage(files) {
  const total = coverageTotal(files);
  return [
    ...files.flatMap(({ file, lines, branches, missed }) => [
      `${file}: ${lines.run} of ${lines.all} lines, ` +
      `${branches.run} of ${branches.all} branches`,
      ...missed.length > 0 ? [`    not run: ${missed.join(", ")}`] : [],
    ]),
    `lines ${total.lines.toFixed(1)} %, branches ${
      total.branches.toFixed(1)
    } % of ${part}`,
  ];
}
