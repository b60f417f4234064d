// Copyright the iocp authors. MIT license.

// Plants known bugs in copies of the library, one at a time, and has the
// simulation look for each.

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bugs } from "../../ffi/tests/model/bugs.js";
import { compileSimulation } from "./compile.js";
import { runSimulation } from "./run.js";

const secondsMax = 120;

/**
 * Looks for every bug with `filter` in its group or name. Returns them with `seed`, the
 * one that has found it (null: none has), `schedules`, `seconds` and `rule`.
 */
export async function findBugs(debian, ffi, scratch, options = {}) {
  const found = [];
  const base = join(scratch, "base");
  await compileSimulation(debian, ffi, base, "windows", "plain");
  for (const bug of bugs) {
    if (!`${bug.group ?? ""} ${bug.name}`.includes(options.filter ?? "")) {
      continue;
    }
    const folder = await mkdtemp(join(scratch, "bug-"));
    const result = {
      ...bug,
      ...await findBug(debian, ffi, folder, bug, { ...options, base }),
    };
    await rm(folder, { recursive: true, force: true });
    options.onFound?.(result);
    found.push(result);
  }
  return found;
}

async function findBug(debian, ffi, folder, bug, options) {
  const copy = join(folder, "ffi");
  for (const part of ["include", "src", "tests/model", "tests/simulation"]) {
    await cp(join(ffi, part), join(copy, part), { recursive: true });
  }
  await plant(copy, bug);
  const program = await compileSimulation(
    debian,
    copy,
    join(folder, "objects"),
    "windows",
    "plain",
    {
      base: options.base,
      changed: bug.changes.map(({ file }) => `src/${file}`),
    },
  );
  const { result, output } = await runSimulation(debian, program, {
    seconds: options.seconds ?? secondsMax,
    jobs: options.jobs,
    seed: options.seed,
    shrink: 0,
  });
  if (result === null) throw new Error(`${bug.name}: ${output}`);
  const { seed = null, schedules, seconds, rule = null } = result;
  return { seed, schedules, seconds, rule };
}

/** Changes the copy. What a bug replaces must be there once. */
async function plant(ffi, { name, changes }) {
  for (const { file, from, to } of changes) {
    const path = join(ffi, "src", file);
    const text = await readFile(path, "utf8");
    if (text.split(from).length !== 2) {
      throw new Error(`${name}: ${file} does not have once: ${from}`);
    }
    await writeFile(path, text.replace(from, () => to));
  }
}

/**
 * The tables: bugs that others have had, those that were found here, and those
 * that only reading the documentation has found.
 */
export function describeGroups(found) {
  const groups = [
    { title: "Bugs that others have had", isOf: ({ group }) => !group },
    { title: "Found here", isOf: ({ group }) => group === "found" },
    {
      title: "Against Microsoft's documentation",
      isOf: ({ group }) => group === "documentation",
    },
  ];
  return groups.flatMap(({ title, isOf }) => {
    const part = found.filter(isOf);
    if (part.length === 0) return [];
    return [`${title}:`, "", ...describeBugs(part, { asTable: true }), ""];
  });
}

/** A line for each, or a Markdown table. */
export function describeBugs(found, { asTable = false } = {}) {
  const cells = found.map((
    { number, name, schedules, seconds, rule, seed },
  ) => [
    String(number ?? ""),
    name,
    seed === null ? `none of ${schedules}` : String(schedules),
    seconds.toFixed(1),
    rule ?? "not found",
  ]);
  if (!asTable) return cells.map((row) => row.filter(Boolean).join(", "));
  return [
    "| | planted | schedules | seconds | rule that is broken |",
    "|---|---|---|---|---|",
    ...cells.map((row) => `| ${row.join(" | ")} |`),
  ];
}
