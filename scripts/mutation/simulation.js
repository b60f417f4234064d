// Copyright the iocp authors. MIT license.

// Judges mutants by the simulation: each is compiled alone, and linked with the
// objects of the library without it.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { objectOf } from "../gcc.js";
import { inTemporaryFolder } from "../setup.js";
import { compileSimulation } from "../simulation/compile.js";
import { runSimulation, schedulesAtOnce } from "../simulation/run.js";
import { plant, worldsOf } from "./mutants.js";

// In the world of Linux a schedule takes as long as twenty.
const shares = { windows: 1, linux: 1 / 8 };
// Seconds of a schedule, since a mutant may never end. It is tried again, since
// the machine may have slept.
const limit = 4;

/**
 * `{ judge }`: `judge(mutant, before)` returns how it has ended: `{ verdict, by,
 * world, rule, seed, schedules }`. The verdicts are "killed", "survived", "same"
 * (its objects are those of the library) and "invalid" (it does not compile).
 * `before` is its earlier result, which has survived fewer `schedules`. The
 * libraries without a mutant are compiled into `base`.
 */
export function simulationStage({ debian, ffi, base, schedules, jobs }) {
  const bases = {};
  const prepare = async (world) => {
    const folder = join(base, world);
    const how = { world, build: "mutant", jobs };
    await compileSimulation(debian, ffi, folder, how);
    return folder;
  };
  const judge = (mutant, before) =>
    inTemporaryFolder("iocp-mutant-", async (folder) => {
      await plant(ffi, folder, mutant);
      const results = [];
      for (const world of worldsOf(mutant.file)) {
        const base = await (bases[world] ??= prepare(world));
        const count = schedules * shares[world];
        const done = Math.ceil((before?.schedules ?? 0) * shares[world]);
        const run = { world, seed: done + 1, count: Math.ceil(count - done) };
        const how = { ...run, base, folder, compares: true };
        const result = await judgeIn(debian, ffi, mutant, how);
        if (result.verdict === "killed") return result;
        results.push({ ...result, schedules });
      }
      const [first] = results;
      return results.find(({ verdict }) => verdict === "survived") ?? first;
    });
  return { judge };
}

/**
 * Judges one that is planted in `folder` in one world, by `count` schedules from
 * `seed` on. The library is in `base`; with `compares`, by the same build.
 */
export async function judgeIn(debian, ffi, { file }, how) {
  const { world, base, folder, compares } = how;
  const changed = { world, build: "mutant", base, changed: [file], jobs: 1 };
  let program;
  try {
    program = await compileSimulation(debian, ffi, folder, changed);
  } catch {
    return { verdict: "invalid" };
  }
  const [was, is] = [
    objectOf(base, file),
    objectOf(folder, join(folder, file)),
  ];
  if (compares && (await readFile(was)).equals(await readFile(is))) {
    return { verdict: "same" };
  }
  const run = async (seed, count) => {
    const jobs = schedulesAtOnce(world, 1);
    const options = { seed, count, limit, world, jobs, shrink: 0 };
    const { result, output } = await runSimulation(debian, program, options);
    if (result === null) throw new Error(output);
    return result;
  };
  for (let { seed, count } = how; count > 0;) {
    const { found, rule, ...last } = await run(seed, count);
    if (!found) break;
    if (rule !== "hang" || (await run(last.seed, 1)).found) {
      const killed = { verdict: "killed", by: "simulation" };
      return { ...killed, world, rule, seed: last.seed };
    }
    count -= last.seed + 1 - seed;
    seed = last.seed + 1;
  }
  return { verdict: "survived" };
}
