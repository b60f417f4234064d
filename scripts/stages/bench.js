// Copyright the iocp authors. MIT license.

// That the bench works, not how fast anything is: its statistics, and every
// workload once, with few connections and messages.

import { basename, join } from "node:path";
import process from "node:process";
import { measure } from "../../bench/measure.js";
import {
  chooseCores,
  compileC,
  compilePrograms,
} from "../../bench/processes.js";
import { servers } from "../../bench/servers.js";
import { workloads } from "../../bench/workloads.js";
import { describeEnd, inTemporaryFolder, repository, run } from "../setup.js";

const tests = join(repository, "bench", "tests");
const load = join(repository, "bench", "load");
const timeout = 60_000;

/* What each program of the tests is linked with. */
const parts = {
  "test_histogram.c": [],
  "test_schedule.c": ["schedule.c", "options.c", "fail.c"],
};

const smokeServers = ["c", "iocp-deno", "iocp-bun", "deno-readable"];
const smoke = {
  rounds: 1,
  ms: 50,
  messages: 40,
  warmUpMs: 10,
  warmUpShare: 0,
  settleMs: 50,
  timeout,
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
  await inTemporaryFolder("iocp-bench-", async (folder) => {
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
    const programs = await compilePrograms(folder);
    await report.check("bench: every workload", () => runWorkloads(programs));
    await report.check("bench: wrong bytes are seen", () => runWrong(programs));
  });
}

async function runTests() {
  const file = join(tests, "report_test.js");
  const result = await run(process.execPath, ["--test", file], { timeout });
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

async function runProgram(sources, program) {
  await compileC(sources, program);
  const result = await run(program, [], { timeout });
  return result.ok ? [] : [`${result.output}${describeEnd(result)}`];
}

async function runWorkloads(programs) {
  const chosen = servers.filter(({ name }) => smokeServers.includes(name));
  const results = await measureSmall({ ...smoke, programs }, chosen, workloads);
  return results.flatMap((workload) =>
    workload.servers.filter(({ failure }) => failure !== undefined)
      .map(({ name, failure }) => `${workload.name}, ${name}: ${failure}`)
  );
}

/* A server that gets a byte wrong must fail, and for that reason, in each role. */
async function runWrong(programs) {
  const script = join(tests, "wrong_server.js");
  const roles = ["echo", "sink", "source", "broadcast", "http"];
  const wrong = {
    name: "wrong",
    roles: Object.fromEntries(roles.map((role) => [role, role])),
    command: (role) => [process.execPath, script, role],
  };
  const results = await measureSmall(
    { ...smoke, programs, messages: 5000 },
    [wrong],
    workloads.filter(({ name }) => wrongReasons[name] !== undefined),
  );
  return results.flatMap(({ name, servers: [{ failure = "" }] }) =>
    wrongReasons[name].test(failure)
      ? []
      : [`${name}: ${failure || "nothing was seen"}`]
  );
}

const wrongReasons = {
  "echo-64-x50": /wrong data/,
  "upload-x16": /the server has got \d+ bytes of/,
  "download-x16": /wrong data/,
  "broadcast-x1000": /wrong data/,
  "http-x50": /not the body/,
};

async function measureSmall(bench, chosen, list) {
  const cores = await chooseCores();
  const results = [];
  for (const workload of list) {
    const connections = Math.min(workload.flags.connections, CONNECTIONS_MAX);
    const flags = { ...workload.flags, connections };
    const small = { ...workload, flags };
    results.push(await measure({ ...bench, cores }, chosen, small));
  }
  return results;
}
