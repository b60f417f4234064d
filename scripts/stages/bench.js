// Copyright the iocp authors. MIT license.

// That the bench works, not how fast anything is: its statistics, and every
// workload once, with few connections and messages.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { chooseCores } from "../../bench/cores.js";
import { measure } from "../../bench/measure.js";
import { compileC, compilePrograms } from "../../bench/programs.js";
import { servers } from "../../bench/servers.js";
import { workloads } from "../../bench/workloads.js";
import { describeEnd, repository, run } from "../setup.js";

const tests = join(repository, "bench", "tests");
const load = join(repository, "bench", "load");
const timeout = 60_000;

/* What each program of the tests is linked with. */
const parts = {
  "test_histogram.c": [],
  "test_schedule.c": ["schedule.c", "options.c", "fail.c"],
};

const smokeServers = ["c", "iocp-deno", "iocp-bun"];
const smoke = {
  rounds: 1,
  seconds: 0.1,
  messages: 40,
  probeSeconds: 0.1,
  warmUpMs: 10,
  warmUpShare: 0,
  settleMs: 50,
  idleMs: 50,
  timeout,
  deadline: Infinity,
  priority: 0,
};
const CONNECTIONS_MAX = 40;

export async function benchStage({ report }) {
  await report.check("bench: what is made of results", runTests);
  if (process.platform !== "linux") {
    const reason = "the bench measures on Linux only";
    report.missing("bench: load", reason, { allowed: true });
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "iocp-bench-"));
  try {
    for (const [name, sources] of Object.entries(parts)) {
      const files = [
        join(tests, name),
        ...sources.map((one) => join(load, one)),
      ];
      await report.check(
        `bench: ${basename(name, ".c")}`,
        () => runProgram(files, join(folder, basename(name, ".c"))),
      );
    }
    await report.check("bench: every workload", () => runWorkloads(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runTests() {
  const files = (await readdir(tests)).filter((name) =>
    name.endsWith("_test.js")
  ).map((name) => join(tests, name));
  const result = await run(process.execPath, ["--test", ...files], { timeout });
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

async function runProgram(sources, program) {
  await compileC(sources, program);
  const result = await run(program, [], { timeout });
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

async function runWorkloads(folder) {
  const bench = {
    ...smoke,
    programs: await compilePrograms(folder),
    cores: await chooseCores(),
  };
  const small = workloads.map((workload) => ({
    ...workload,
    connections: Math.min(workload.connections, CONNECTIONS_MAX),
  }));
  const chosen = servers.filter(({ name }) => smokeServers.includes(name));
  const results = await measure(bench, chosen, small, () => {});
  return [
    ...results.leftOut,
    ...results.workloads.flatMap((workload) =>
      workload.servers.filter(({ failure }) => failure !== undefined)
        .map(({ name, failure }) => `${workload.name}, ${name}: ${failure}`)
    ),
  ];
}
