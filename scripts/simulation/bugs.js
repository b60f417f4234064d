// Copyright the iocp authors. MIT license.

// Plants known bugs in copies of the library, one at a time, and has the
// simulation look for each.

import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bugs } from "../../ffi/tests/model/bugs.js";
import { inParallel } from "../parallel.js";
import { inTemporaryFolder } from "../setup.js";
import { compileSimulation } from "./compile.js";
import { runSimulation } from "./run.js";

// A number and not a time, so that a busy machine finds the same.
const schedulesMax = 400_000;

/**
 * Looks for every bug with `filter` in its group or name, `jobs` at once, and
 * calls `onFound` with each. Returns them with `seed`, which has found it (null:
 * none has), `schedules`, `seconds` and `rule`. The library without bugs is
 * compiled into the folder `base`, unless it was before.
 */
export async function findBugs(debian, ffi, options) {
  const { filter = "", jobs, onFound } = options;
  const chosen = bugs.filter(({ group = "", name }) =>
    `${group} ${name}`.includes(filter)
  );
  if (chosen.length === 0) return [];
  const { base } = options;
  if (!existsSync(base)) await compileSimulation(debian, ffi, base, { jobs });
  const find = (bug) =>
    inTemporaryFolder("iocp-bug-", async (folder) => ({
      ...bug,
      ...await findBug(debian, ffi, folder, bug, base),
    }));
  return await inParallel(chosen, jobs, find, { report: onFound });
}

async function findBug(debian, ffi, folder, bug, base) {
  const copy = join(folder, "ffi");
  for (const part of ["include", "src", "tests/model", "tests/simulation"]) {
    await cp(join(ffi, part), join(copy, part), { recursive: true });
  }
  await plant(copy, bug);
  const program = await compileSimulation(debian, copy, join(folder, "new"), {
    base,
    changed: bug.changes.map(({ file }) => `src/${file}`),
    jobs: 1,
  });
  const { result, output } = await runSimulation(debian, program, {
    count: schedulesMax,
    jobs: 1,
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

/** A line about a bug that was planted. */
export function describeBug({ name, schedules, seconds, rule, seed }) {
  return seed === null
    ? `${name}: NOT FOUND by ${schedules} schedules`
    : `${name}: schedule ${schedules}, ${seconds.toFixed(1)} s: ${rule}`;
}
