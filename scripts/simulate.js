// Copyright the iocp authors. MIT license.

// npm run simulate -- [--seconds S | --count C] [--seed N] [--trace]
//                     [--world windows|linux]
//                     [--build plain|address|thread|coverage] [--jobs N]
// npm run simulate -- --explore [--preemptions N] [--scenario NAME]
//                     [--path PATH] [--world ...] [--build ...]
//
// Runs seeded schedules of the library in a simulated world and checks each of
// them; docs/testing.md explains it. A schedule that fails is shrunk and shown,
// with the line that repeats it. With --explore, every order of threads in a few
// scenarios, with at most N preemptions. The build "coverage" reports how much of the
// Windows engine was run.

import { join } from "node:path";
import process from "node:process";
import { defaultJobs } from "./parallel.js";
import { say } from "./report.js";
import {
  ensureDebian,
  inTemporaryFolder,
  parseOptions,
  repository,
} from "./setup.js";
import { compileSimulation } from "./simulation/compile.js";
import { coverageOf } from "./simulation/coverage.js";
import { runExplorer } from "./simulation/explore.js";
import { runSimulation, schedulesAtOnce } from "./simulation/run.js";

async function main() {
  const text = (value) => ({ type: "string", default: value });
  const flag = { type: "boolean", default: false };
  const values = parseOptions(import.meta.filename, {
    ...{ seconds: text(), count: text(), seed: text("1") },
    ...{ world: text("windows"), build: text("plain") },
    jobs: text(),
    ...{ preemptions: text(), scenario: text(), path: text() },
    ...{ trace: flag, explore: flag },
  });
  const { debian, reason } = await ensureDebian();
  if (!debian) throw new Error(`there is no compiler: ${reason}`);
  const ffi = join(repository, "ffi");
  return await inTemporaryFolder("iocp-simulate-", async (folder) => {
    say(`compiling the simulation of ${values.world} ...`);
    const how = { ...values, jobs: defaultJobs, explores: values.explore };
    const program = await compileSimulation(debian, ffi, folder, how);
    const onOutput = (text) => process.stdout.write(text);
    if (values.explore) {
      const { ok } = await runExplorer(debian, program, values, onOutput);
      return ok ? 0 : 1;
    }
    const jobs = values.jobs ?? schedulesAtOnce(values.world, defaultJobs);
    const options = { ...values, jobs, onOutput };
    const result = await runSimulation(debian, program, options);
    if (values.build === "coverage") {
      const found = await coverageOf(debian, ffi, folder);
      for (const [file, places] of Object.entries(found.missed)) {
        say(`${file}: not run: ${places.join(", ")}`);
      }
      say(`${found.lines.toFixed(1)} % of the lines`);
      say(`${found.branches.toFixed(1)} % of the branches`);
    }
    return result.ok ? 0 : 1;
  });
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return 1;
});
