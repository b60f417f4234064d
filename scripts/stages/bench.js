// Copyright the iocp authors. MIT license.

// That the bench works, not how fast anything is: its statistics, and every
// workload once, with few connections and messages.

import { join } from "node:path";
import process from "node:process";
import { measure } from "../../bench/measure.js";
import { chooseCores } from "../../bench/processes.js";
import { compileC, compilePrograms } from "../../bench/programs.js";
import { servers } from "../../bench/servers.js";
import { workloads } from "../../bench/workloads.js";
import { inTemporaryFolder, problemsOf, repository, run } from "../setup.js";

const tests = join(repository, "tests", "bench");
const timeout = 60_000;
const CONNECTIONS_MAX = 40;

const smokeServers =
  /^(c|iocp-(deno|bun)(-batches)?|deno-listen-buffer|bun-listen)$/;
const length = { rounds: 1, ms: 50, warmUpMs: 10, warmUp: 0, settleMs: 50 };
const smoke = { ...length, timeout };

export async function benchStage({ report }) {
  const reportTest = ["--test", join(tests, "report_test.js")];
  const testReport = () => runProgram(process.execPath, reportTest);
  await report.check("bench: what is made of results", testReport);
  if (process.platform !== "linux") {
    return report.missing("bench: load", "the bench measures on Linux only");
  }
  await inTemporaryFolder("iocp-bench-", async (folder) => {
    const source = join(tests, "test_samples.c");
    await report.check(
      "bench: test_samples",
      async () => runProgram(await compileC([source], join(folder, "samples"))),
    );
    const programs = await compilePrograms(folder);
    await report.check("bench: every workload", () => runWorkloads(programs));
    await report.check("bench: wrong bytes are seen", () => runWrong(programs));
  });
}

async function runProgram(program, args = []) {
  return problemsOf(await run(program, args, { timeout }));
}

async function runWorkloads(programs) {
  const chosen = servers.filter(({ name }) => smokeServers.test(name));
  const results = await measureSmall({ ...smoke, programs }, chosen, workloads);
  return results.flatMap((workload) =>
    workload.servers.filter(({ failure }) => failure !== undefined)
      .map(({ name, failure }) => `${workload.name}, ${name}: ${failure}`)
  );
}

/* A server that sends a wrong byte must fail for that reason, in each role. */
async function runWrong(programs) {
  const script = join(tests, "wrong_server.js");
  const wrong = {
    name: "wrong",
    roles: servers.find(({ name }) => name === "iocp-deno").roles,
    command: (role) => [process.execPath, script, role],
  };
  const chosen = workloads.filter(({ name }) => name in wrongReasons);
  const bench = { ...smoke, programs, ms: 10_000 };
  const results = await measureSmall(bench, [wrong], chosen);
  return results.map(({ name, servers: [{ failure = "" }] }) => [name, failure])
    .filter(([name, failure]) => !wrongReasons[name].test(failure))
    .map(([name, failure]) => `${name}: ${failure || "nothing was found"}`);
}

const wrongReasons = {
  "echo-64-x50": /wrong data/,
  "broadcast-x1000": /wrong data/,
  "http-x50": /not the expected body/,
  "datagram-receive-64": /wrong data/,
  "datagram-send-64": /lost, or not in order/,
};

async function measureSmall(bench, chosen, list) {
  const cores = await chooseCores();
  const results = [];
  for (const workload of list) {
    const connections = Math.min(workload.options.connections, CONNECTIONS_MAX);
    const options = { ...workload.options, connections };
    const small = { ...workload, options };
    results.push(await measure({ ...bench, cores }, chosen, small));
  }
  return results;
}
