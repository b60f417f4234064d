// Copyright the iocp authors. MIT license.

// The library in simulated worlds: a fixed number of seeds in each, plain and
// under the sanitizers of gcc, the orders of threads in a few scenarios, and the
// bugs and mutants that are planted to see that both find them. `npm run simulate`
// runs more.

import { join } from "node:path";
import { bugs } from "../../ffi/tests/model/bugs.js";
import { say } from "../report.js";
import { ensureDebian, inTemporaryFolder } from "../setup.js";
import { judgeSample } from "../mutation/sample.js";
import { describeBug, findBugs } from "../simulation/bugs.js";
import { compileSimulation } from "../simulation/compile.js";
import { coverageOf } from "../simulation/coverage.js";
import { describeRace, findRaces, runExplorer } from "../simulation/explore.js";
import { runSimulation, schedulesAtOnce } from "../simulation/run.js";

const runs = [
  { world: "windows", build: "plain", count: 40_000 },
  { world: "windows", build: "address", count: 6_000 },
  { world: "windows", build: "thread", count: 2_000 },
  { world: "windows", build: "coverage", count: 15_000 },
  { world: "linux", build: "address", count: 2_000 },
  { world: "linux", build: "thread", count: 500 },
];

// Every order of threads with so many preemptions, in the explorer's scenarios;
// without a number, as many as take little time.
const explorations = [
  { world: "windows", build: "plain" },
  { world: "windows", build: "address", preemptions: 1 },
  { world: "windows", build: "thread", preemptions: 1 },
  { world: "linux", build: "address", preemptions: 1 },
];

// What the seeds of the coverage run reach; more seeds reach more.
const coverageMin = { lines: 99, branches: 97 };

/** Simulates; `filter` may be in a world and build, or in the name of a bug. */
export async function simulateStage(options) {
  const { report, root, filter = "", jobs, verbose, write } = options;
  const { debian, reason } = await ensureDebian();
  if (!debian) return report.missing("simulate", reason);
  const ffi = join(root, "ffi");
  await inTemporaryFolder("iocp-simulate-", async (scratch) => {
    for (const run of runs) {
      const name = `simulate ${run.world}, ${run.build}`;
      if (!name.includes(filter)) continue;
      const folder = join(scratch, run.world + run.build);
      const check = () => simulate(debian, ffi, folder, { ...run, jobs });
      await report.check(`${name}: ${run.count} schedules`, check);
    }
    await explore(scratch, debian, ffi, options);
    const base = join(scratch, "windowsplain");
    const sample = "simulate: a sample of mutants";
    if (sample.includes(filter)) {
      await report.check(sample, () => judgeSample(debian, ffi, base, jobs));
    }
    const name = "simulate: bugs that are planted";
    const all = name.includes(filter);
    if (!all && !bugs.some((bug) => bug.name.includes(filter))) return;
    await report.check(name, () =>
      plantBugs(name, debian, ffi, {
        filter: all ? "" : filter,
        base,
        jobs,
        write,
        onFound(bug) {
          if (verbose || bug.seed === null) say(`${name}: ${describeBug(bug)}`);
        },
      }));
  });
}

async function explore(scratch, debian, ffi, options) {
  const { report, filter = "", jobs, verbose } = options;
  // What is the same as in the simulation of Windows was perhaps compiled before.
  const compile = (run) => {
    const isWindows = run.world === "windows";
    const folder = join(scratch, `${isWindows ? "" : "explore"}${run.world}`);
    const base = folder + run.build;
    const how = { ...run, base, jobs, explores: true };
    return compileSimulation(debian, ffi, base, how);
  };
  for (const run of explorations) {
    const name = `simulate: explore ${run.world}, ${run.build}`;
    if (!name.includes(filter)) continue;
    await report.check(name, async () => {
      const program = await compile(run);
      const { ok, output } = await runExplorer(debian, program, run);
      return ok ? [] : [output];
    });
  }
  const name = "simulate: explore: bugs that are planted";
  if (!name.includes(filter)) return;
  const onFound = (race) => {
    if (verbose || race.preemptions === 0) {
      say(`${name}: ${describeRace(race)}`);
    }
  };
  await report.check(name, async () => {
    await compile({ world: "windows", build: "plain" });
    const base = join(scratch, "windowsplain");
    const found = await findRaces(debian, ffi, { base, jobs, onFound });
    const failed = found.filter(({ preemptions }) => preemptions === 0).length;
    return { passed: found.length - failed, failed, skipped: 0 };
  });
}

async function simulate(debian, ffi, folder, run) {
  const program = await compileSimulation(debian, ffi, folder, run);
  const jobs = schedulesAtOnce(run.world, run.jobs);
  const options = { ...run, jobs };
  const { ok, output } = await runSimulation(debian, program, options);
  if (!ok) return [output];
  if (run.build !== "coverage") return [];
  const total = await coverageOf(debian, ffi, folder);
  return Object.entries(coverageMin)
    .filter(([what, min]) => total[what] < min)
    .map(([what, min]) => `${total[what].toFixed(1)} % of ${what}, not ${min}`);
}

async function plantBugs(name, debian, ffi, options) {
  const found = await findBugs(debian, ffi, options);
  const isMissed = ({ seed, falseRule }) => seed === null || falseRule;
  const missed = found.filter(isMissed).length;
  const stale = found.filter((bug) => bug.isStale && !isMissed(bug)).length;
  if (stale > 0) {
    say(`${name}: ${stale} by another seed than recorded (see --write)`);
  }
  return { passed: found.length - missed, failed: missed, skipped: 0 };
}
