// Copyright the iocp authors. MIT license.

// Plants known bugs in the library, one at a time, and has the simulation look
// for each.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bugs } from "../../ffi/tests/model/bugs.js";
import { inParallel } from "../parallel.js";
import { inTemporaryFolder, repository } from "../setup.js";
import { compileSimulation, ensureSimulation } from "./compile.js";
import { runSimulation, schedulesAtOnce } from "./run.js";

// A number and not a time, so that a busy machine finds the same.
const schedulesMax = { windows: 400_000, linux: 40_000 };

// The first seed that finds each bug, by its name.
const seedsPath = join(repository, "ffi", "tests", "model", "bug_seeds.json");

async function recordSeeds(recorded, found) {
  for (const { name, seed, falseRule } of found) {
    if (!falseRule) recorded[name] = seed ?? undefined;
  }
  const entries = bugs.map(({ name }) => [name, recorded[name]]);
  const text = JSON.stringify(Object.fromEntries(entries), null, 2);
  await writeFile(seedsPath, `${text}\n`);
}

/**
 * Looks for every bug with `filter` in its group or name, `jobs` at once, and
 * calls `onFound` with each. Returns them with `seed`, which has found it (null:
 * none has), `schedules`, `seconds` and `rule`. `falseRule` is the rule that the
 * same schedule breaks without the bug, if it does. The library without bugs is
 * compiled into the folder `base`, unless it was before. `isStale` says that it
 * was not the recorded seed; with `write`, the seeds are recorded.
 */
export async function findBugs(debian, ffi, options) {
  const { filter = "", jobs, onFound } = options;
  const isChosen = ({ group = "", name }) =>
    `${group} ${name}`.includes(filter);
  const chosen = bugs.filter(isChosen);
  if (chosen.length === 0) return [];
  const bases = { windows: options.base, linux: `${options.base}-linux` };
  const sound = {};
  for (const { world = "windows" } of chosen) {
    const how = { world, jobs };
    sound[world] ??= await ensureSimulation(debian, ffi, bases[world], how);
  }
  const recorded = JSON.parse(await readFile(seedsPath, "utf8"));
  const find = (bug) =>
    inTemporaryFolder("iocp-bug-", async (folder) => {
      const first = recorded[bug.name];
      const { world = "windows" } = bug;
      const how = { world, base: bases[world], sound: sound[world], first };
      const found = await findBug(debian, ffi, folder, bug, how);
      return { ...bug, ...found, isStale: found.seed !== first };
    });
  // The longest searches start first, so that none is left to the end alone.
  const length = ({ name }) => recorded[name] ?? schedulesMax.windows;
  chosen.sort((a, b) => length(b) - length(a));
  const found = await inParallel(chosen, jobs, find, { report: onFound });
  if (options.write) await recordSeeds(recorded, found);
  return found;
}

// The recorded seed is one of those of the search, which need not be repeated if
// that one still finds the bug.
async function findBug(
  debian,
  ffi,
  folder,
  bug,
  { world, base, sound, first },
) {
  const changed = await plant(ffi, folder, bug);
  const how = { world, base, changed, jobs: 1 };
  const planted = await compileSimulation(debian, ffi, folder, how);
  const search = async (program, from, count) => {
    const jobs = schedulesAtOnce(world, 1);
    const run = { world, seed: from, count, jobs, shrink: 0 };
    const { result, output } = await runSimulation(debian, program, run);
    if (result === null) throw new Error(`${bug.name}: ${program}: ${output}`);
    const { seed = null, schedules, seconds, rule = null } = result;
    return { seed, schedules, seconds, rule };
  };
  let found = first && await search(planted, first, 1);
  if (!found?.seed) found = await search(planted, 1, schedulesMax[world]);
  // A schedule that breaks a rule without the bug as well has not found it.
  const alarm = found.seed && await search(sound, found.seed, 1);
  return alarm?.seed ? { ...found, falseRule: alarm.rule } : found;
}

/**
 * Writes the files that a bug changes to `folder`; returns their names. What it
 * replaces must be there once.
 */
export async function plant(ffi, folder, { name, changes }) {
  const texts = {};
  for (const { file, from, to } of changes) {
    const path = `src/${file}`;
    const text = texts[path] ?? await readFile(join(ffi, path), "utf8");
    if (text.split(from).length !== 2) {
      throw new Error(`${name}: ${file} does not have once: ${from}`);
    }
    texts[path] = text.replace(from, () => to);
  }
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return Object.keys(texts);
}

/** A line about a bug that was planted. */
export function describeBug(found) {
  const { name, schedules, seconds, rule, seed, falseRule } = found;
  if (falseRule) {
    return `${name}: FALSE ALARM: without it, seed ${seed} breaks: ${falseRule}`;
  }
  return seed === null
    ? `${name}: NOT FOUND by ${schedules} schedules`
    : `${name}: schedule ${schedules}, ${seconds.toFixed(1)} s: ${rule}`;
}
