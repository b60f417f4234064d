// Copyright the iocp authors. MIT license.

// The mutants that `npm test` judges: some of those that the simulation of Windows
// kills soon. When one of them survives, a rule or a part of the workload is lost.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inParallel } from "../parallel.js";
import { inTemporaryFolder, repository } from "../setup.js";
import { ensureSimulation } from "../simulation/compile.js";
import { mutantsOf, plant } from "./mutants.js";
import { judgeIn } from "./simulation.js";

const size = 40;
// Each file takes time as well.
const filesMax = 25;
const seedMax = 100;
// Another seed may kill it after an edit of the workload.
const schedules = 4_000;

const path = join(repository, "ffi", "tests", "model", "mutant_sample.json");

/** Records the sample, from mutants that were drawn and their results. */
export async function writeSample(mutants, results) {
  const files = new Set();
  const sample = mutants.filter(({ id, file }) => {
    const { by, world, seed, rule } = results.get(id) ?? {};
    const isCheap = by === "simulation" && world === "windows" &&
      rule !== "hang" && seed <= seedMax &&
      (files.has(file) || files.size < filesMax);
    if (isCheap) files.add(file);
    return isCheap;
  }).slice(0, size).map(({ key }) => key);
  await writeFile(path, `${JSON.stringify(sample, null, 2)}\n`);
}

/**
 * Judges the sample; returns a problem for each that is not killed. The
 * simulation of Windows is compiled into the folder `base`, unless it was before.
 */
export async function judgeSample(debian, ffi, base, jobs) {
  await ensureSimulation(debian, ffi, base, { jobs });
  const keys = JSON.parse(await readFile(path, "utf8"));
  const files = [...new Set(keys.map((key) => `src/${key.split(" ")[0]}`))];
  const all = await mutantsOf(debian, ffi, files, jobs);
  const byKey = new Map(all.map((mutant) => [mutant.key, mutant]));
  const problems = await inParallel(keys, jobs, async (key) => {
    const mutant = byKey.get(key);
    if (!mutant) {
      return [`no longer there (npm run mutate -- --sample): ${key}`];
    }
    return await inTemporaryFolder("iocp-mutant-", async (folder) => {
      await plant(ffi, folder, mutant);
      const how = { world: "windows", base, folder, seed: 1, count: schedules };
      const { verdict } = await judgeIn(debian, ffi, mutant, how);
      return verdict === "killed" ? [] : [`${verdict}: ${key}`];
    });
  });
  return problems.flat();
}
