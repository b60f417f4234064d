// Copyright the iocp authors. MIT license.

// How much of the Windows engine a simulation that was compiled for coverage
// has run: lines, and branches (each way out of a condition counts).

import { existsSync } from "node:fs";
import { filesIn } from "../../ffi/compile.js";
import { objectOf } from "../gcc.js";
import { argv } from "../setup.js";

const part = "src/windows";

/** `{ lines, branches, missed }`: percentages, and what was not run, by file. */
export async function coverageOf(debian, ffi, folder) {
  const objects = filesIn(ffi, part, ".c").map((file) => objectOf(folder, file))
    .filter(existsSync);
  const args = argv`--json-format --stdout --branch-probabilities ${objects}`;
  const options = { cwd: ffi, folders: [folder, ffi], timeout: 120_000 };
  const result = await debian.run("gcov", args, options);
  if (!result.ok) throw new Error(result.output);
  const lines = { all: 0, run: 0 };
  const branches = { all: 0, run: 0 };
  const missed = {};
  const count = (sum, file, name, { count }) => {
    sum.all += 1;
    if (count > 0) sum.run += 1;
    else (missed[file] ??= []).push(name);
  };
  const files = result.stdout.split("\n").filter((line) => line.startsWith("{"))
    .flatMap((line) => JSON.parse(line).files)
    .filter(({ file }) => file.startsWith(part));
  for (const { file, lines: all } of files) {
    for (const line of all) {
      count(lines, file, line.line_number, line);
      for (const branch of line.branches) {
        count(branches, file, `${line.line_number} (a branch)`, branch);
      }
    }
  }
  const percent = ({ all, run }) => 100 * run / all;
  return { lines: percent(lines), branches: percent(branches), missed };
}
