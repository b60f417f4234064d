// Copyright the iocp authors. MIT license.

// The library in simulated worlds: a fixed number of seeds in each, plain and
// under the sanitizers of gcc, and the bugs that are planted to see that the
// simulation finds them. `npm run simulate` runs more.

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { detail, say } from "../report.js";
import { inTemporaryFolder } from "../setup.js";
import { describeBugs, findBugs } from "../simulation/bugs.js";
import { compileSimulation, ensureCompiler } from "../simulation/compile.js";
import { coverageOf, coverageTotal } from "../simulation/coverage.js";
import { runSimulation } from "../simulation/run.js";

const runs = [
  { world: "windows", build: "plain", count: 40_000 },
  { world: "windows", build: "address", count: 6_000 },
  { world: "windows", build: "thread", count: 2_000 },
  { world: "windows", build: "coverage", count: 15_000 },
  { world: "linux", build: "address", count: 500 },
  { world: "linux", build: "thread", count: 200 },
];

// What the seeds of the coverage run reach; more seeds reach more.
const coverageMin = { lines: 95, branches: 90 };

/** Simulates; `filter` may be in a world and build, or in the name of a bug. */
export async function simulateStage({ report, root, filter = "" }) {
  const { debian, reason } = await ensureCompiler();
  if (!debian) {
    const allowed = process.platform !== "linux";
    report.missing("simulate", reason, { allowed });
    return;
  }
  const ffi = join(root, "ffi");
  await inTemporaryFolder("iocp-simulate-", async (folder) => {
    for (const run of runs) {
      const name = `simulate ${run.world}, ${run.build}`;
      if (!name.includes(filter)) continue;
      await report.check(
        `${name}: ${run.count} schedules`,
        () => simulate(debian, ffi, join(folder, run.world + run.build), run),
      );
    }
    await plantBugs(report, debian, ffi, folder, filter);
  });
}

async function simulate(debian, ffi, folder, { world, build, count }) {
  const program = await compileSimulation(debian, ffi, folder, world, build);
  const { ok, output } = await runSimulation(debian, program, {
    world,
    build,
    count,
    jobs: availableParallelism(),
  });
  if (!ok) return [output];
  return build === "coverage" ? await checkCoverage(debian, ffi, folder) : [];
}

async function checkCoverage(debian, ffi, folder) {
  const total = coverageTotal(await coverageOf(debian, ffi, folder));
  return Object.entries(coverageMin).flatMap(([what, min]) =>
    total[what] < min
      ? [`${total[what].toFixed(1)} % of ${what}, not ${min}`]
      : []
  );
}

async function plantBugs(report, debian, ffi, folder, filter) {
  const started = Date.now();
  const name = "simulate: bugs that are planted";
  const found = await findBugs(debian, ffi, folder, {
    filter: name.includes(filter) ? "" : filter,
    jobs: availableParallelism(),
  });
  if (found.length === 0) return;
  const missed = found.filter(({ seed }) => seed === null);
  for (const line of describeBugs(missed)) {
    say(`${name}: NOT FOUND`);
    detail(line);
  }
  const counts = {
    passed: found.length - missed.length,
    failed: missed.length,
    skipped: 0,
  };
  report.group(name, counts, started);
}
