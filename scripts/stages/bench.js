// Copyright the iocp authors. MIT license.

// That the bench works, not how fast anything is: its statistics, and every
// workload once, with few connections and messages.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { windowsTakers } from "../../bench/calls/of_workload.js";
import { chooseCores } from "../../bench/cores.js";
import { judge } from "../../bench/goals.js";
import { measure } from "../../bench/measure.js";
import { compileC, compilePrograms } from "../../bench/programs.js";
import { servers } from "../../bench/servers.js";
import { workloads } from "../../bench/workloads.js";
import {
  describeEnd,
  ensureWine,
  inTemporaryFolder,
  repository,
  run,
} from "../setup.js";

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
    const { wine, reason } = await ensureWine();
    const name = "bench: two calls a message on the Windows engine";
    if (wine) await report.check(name, () => runWindows(programs, folder));
    else report.missing(name, reason);
  });
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

async function runWorkloads(programs) {
  const chosen = servers.filter(({ name }) => smokeServers.includes(name));
  const list = workloads.filter(({ kind }) => kind !== "windows");
  const results = await measureSmall({ ...smoke, programs }, chosen, list);
  return [
    ...results.leftOut,
    ...results.workloads.flatMap((workload) =>
      workload.servers.filter(({ failure }) => failure !== undefined)
        .map(({ name, failure }) => `${workload.name}, ${name}: ${failure}`)
    ),
  ];
}

/* What is counted does not depend on the machine, so it can be tested; and it is
 * the same library in both runtimes. */
async function runWindows(programs, folder) {
  const counted = "iocp-bun-windows";
  const results = await measure(
    { ...smoke, programs, folder, cores: await chooseCores() },
    windowsTakers.filter(({ name }) => name === counted),
    workloads.filter(({ kind }) => kind === "windows"),
    () => {},
  );
  const failures = results.workloads.flatMap(({ servers }) => servers)
    .map(({ name, failure }) => failure && `${name}: ${failure}`);
  const missed = judge(results).filter(({ server, isMet }) =>
    server === counted && isMet !== true
  ).map(({ server, measured, reason }) => `${server}: ${measured ?? reason}`);
  return [...results.leftOut, ...failures.filter(Boolean), ...missed];
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
  return results.workloads.flatMap(({ name, servers: [{ failure = "" }] }) =>
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
  const small = list.map((workload) => ({
    ...workload,
    connections: Math.min(workload.connections, CONNECTIONS_MAX),
  }));
  const cores = await chooseCores();
  return await measure({ ...bench, cores }, chosen, small, () => {});
}
