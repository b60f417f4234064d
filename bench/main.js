// Copyright the iocp authors. MIT license.

// npm run bench: measures servers side by side, each in turn, on a core of
// their own, and says what that comes to. Only what the results look like is
// here; measure.js has how they are got.

import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { ensureNodeModules, inTemporaryFolder } from "../scripts/setup.js";
import { chooseCores } from "./cores.js";
import { describeDisturbance } from "./disturbance.js";
import { judge } from "./goals.js";
import { describeUnit, describeWorkload } from "./kinds.js";
import { describeCommit, describeMachine } from "./machine.js";
import { measure } from "./measure.js";
import {
  help,
  parseOptions,
  QUICK_SECONDS,
  selectServers,
  UsageError,
} from "./options.js";
import { paceOf } from "./pace.js";
import { compilePrograms } from "./programs.js";
import { encodeResults } from "./results.js";
import { findPeers, quickServers, servers as builtIn } from "./servers.js";
import { formatText, goalRows, workloadRows } from "./tables.js";

/** For the last round and for what is written after it. */
const SPARE_SECONDS = 8;

async function measureAll(options, folder) {
  const { servers, leftOut } = await chooseServers(options);
  const bench = {
    ...paceOf(options),
    rounds: options.rounds,
    calls: options.calls,
    deadline: options.quick ? QUICK_SECONDS - SPARE_SECONDS : Infinity,
    folder,
    programs: await compilePrograms(folder),
    cores: await chooseCores(),
    priority: options.realtime ? 1 : 0,
  };
  const machine = await describeMachine();
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}; ` +
      `Deno ${machine.deno}, Bun ${machine.bun}, Node ${machine.node}`,
  );
  const described = servers.map(({ name, title, runtime, own, node }) => ({
    name,
    title,
    runtime,
    own,
    node,
  }));
  const { rounds, seconds, settle, realtime, quick } = options;
  const head = {
    date: new Date().toISOString(),
    commit: await describeCommit(),
    command: ["npm run bench --", ...options.arguments].join(" "),
    machine,
    settings: { rounds, seconds, settle, realtime, quick },
    servers: described,
  };
  const measured = await measure(
    bench,
    servers,
    options.workloads,
    (workload) => printWorkload(head, workload),
  );
  return {
    ...head,
    workloads: measured.workloads,
    leftOut: [...leftOut, ...measured.leftOut],
  };
}

/* Peers are built when they are asked for, or when all are. */
async function chooseServers({ servers: names, quick }) {
  if (quick && names === undefined) {
    return {
      servers: selectServers(quickServers, builtIn),
      leftOut: ["node:net and native peers: --quick has no time for them"],
    };
  }
  const known = builtIn.map(({ name }) => name);
  const wantsPeers = names?.some((name) => !known.includes(name)) ?? true;
  const { peers, leftOut } = wantsPeers
    ? await findPeers()
    : { peers: [], leftOut: [] };
  const servers = selectServers(names, [...builtIn, ...peers], leftOut);
  return { servers, leftOut };
}

function printWorkload({ servers }, workload) {
  console.log(`\n${workload.name}: ${describeWorkload(workload)}`);
  const most = Math.max(...workload.servers.map(({ rounds }) => rounds.length));
  const rounds = most === 1 ? "1 round" : `${most} rounds`;
  console.log(`medians of ${rounds}${describeUnit(workload)}\n`);
  console.log(formatText(workloadRows(workload, servers)));
  for (const { name, failure } of workload.servers) {
    if (failure !== undefined) console.log(`\n${name} has failed: ${failure}`);
  }
  const disturbance = describeDisturbance(workload, servers);
  if (disturbance !== undefined) console.log(`\n${disturbance}`);
}

function printEnd(results, verdicts) {
  if (results.leftOut.length > 0) {
    console.log(`\nleft out:\n${results.leftOut.join("\n")}`);
  }
  const measured = verdicts.filter(({ isMet }) => isMet !== undefined);
  if (measured.length === 0) return;
  const met = measured.filter(({ isMet }) => isMet).length;
  console.log(
    `\ngoals; ratios are the medians of those of the rounds\n\n` +
      `${formatText(goalRows(measured), 5)}\n\n${met} met, ` +
      `${measured.length - met} NOT MET, ` +
      `${verdicts.length - measured.length} not measured`,
  );
}

async function resultsFor(options) {
  if (options.from !== undefined) {
    const results = JSON.parse(await readFile(options.from, "utf8"));
    for (const workload of results.workloads) printWorkload(results, workload);
    return results;
  }
  if (process.platform !== "linux") {
    throw new Error(
      "NotSupported: the bench measures on Linux only for now, since it pins " +
        "the server and the load to cores and its floor is an epoll server",
    );
  }
  return await inTemporaryFolder(
    "iocp-bench-",
    (folder) => measureAll(options, folder),
  );
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(help);
    return;
  }
  await ensureNodeModules();
  const results = await resultsFor(options);
  const verdicts = judge(results);
  printEnd(results, verdicts);
  if (options.json !== undefined) {
    await writeFile(options.json, encodeResults(results));
  }
  if (options.write) {
    // It needs the plotting library, which nothing else does.
    const { writeDocuments } = await import("./documents.js");
    for (const file of await writeDocuments(results, verdicts)) {
      console.log(`wrote ${file}`);
    }
  }
  const isMissed = verdicts.some(({ isMet }) => isMet === false);
  if (options.check && isMissed) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
