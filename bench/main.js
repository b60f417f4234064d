// Copyright the iocp authors. MIT license.

// npm run bench: measures echo servers side by side, each in turn, on one core
// of their own, and prints the CPU time that each takes for a message.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ensureNodeModules } from "../scripts/setup.js";
import { chooseCores } from "./cores.js";
import { describeGoal, judge } from "./goals.js";
import { describeMachine } from "./machine.js";
import { help, parseOptions, UsageError } from "./options.js";
import { compilePrograms } from "./programs.js";
import { Progress } from "./progress.js";
import { measureRound } from "./round.js";
import { summarize } from "./summary.js";
import { formatTable } from "./table.js";
import { describe } from "./workloads.js";

/** A larger share of the core for others makes the figures doubtful. */
const QUIET = 0.03;

async function bench(options, folder) {
  const { rounds, seconds, servers, workloads } = options;
  await ensureNodeModules();
  const settings = {
    seconds,
    programs: await compilePrograms(folder),
    cores: await chooseCores(),
    priority: options.realtime ? 1 : 0,
  };
  const machine = await describeMachine();
  say(
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}; ` +
      `Deno ${machine.deno}, Bun ${machine.bun}, Node ${machine.node}`,
  );
  const progress = new Progress(workloads.length * servers.length * rounds);
  const results = [];
  for (const workload of workloads) {
    const measured = new Map(servers.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const server of rotate(servers, round)) {
        progress.begin(`${workload.name}, round ${round + 1}, ${server.name}`);
        const figures = await measureRound(settings, server, workload);
        measured.get(server.name).push(figures);
        progress.advance();
      }
    }
    progress.clear();
    results.push(conclude(options, workload, measured));
  }
  if (options.json !== undefined) {
    const report = { date: new Date().toISOString(), machine, results };
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  return results.flatMap(({ goals }) => goals);
}

/** Sums up a workload, prints that, and returns all of it. */
function conclude({ servers, rounds, seconds, realtime }, workload, measured) {
  const summaries = new Map();
  for (const [name, figures] of measured) {
    summaries.set(name, summarize(figures));
  }
  const goals = judge(workload, summaries);
  say(
    `\n${workload.name}: ${describe(workload)}\n` +
      `the server's CPU time a message in microseconds, ${rounds} rounds ` +
      `of ${seconds} s\n`,
  );
  say(formatTable(servers, summaries));
  const disturbed = Math.max(
    ...[...summaries.values()].map(({ disturbed }) => disturbed),
  );
  if (disturbed > QUIET && !realtime) {
    say(
      `\nnot a quiet machine: others had the server's core for up to ` +
        `${
          (disturbed * 100).toFixed(0)
        } % of the time, so ratios are too high; see --realtime`,
    );
  }
  if (goals.length > 0) say(`\n${goals.map(describeGoal).join("\n")}`);
  return {
    workload,
    servers: servers.map(({ name }) => ({
      name,
      ...summaries.get(name),
      rounds: measured.get(name),
    })),
    goals,
  };
}

/* Nobody is always the first one, or always after the same one. */
function rotate(list, by) {
  const at = by % list.length;
  const rotated = [...list.slice(at), ...list.slice(0, at)];
  return by % 2 === 0 ? rotated : rotated.reverse();
}

function say(text) {
  console.log(text);
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    say(help);
    return;
  }
  if (process.platform !== "linux") {
    throw new Error(
      "NotSupported: the bench runs on Linux only for now, since it pins the " +
        "server and the load to cores and its floor is an epoll server",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "iocp-bench-"));
  try {
    const goals = await bench(options, folder);
    const isMissed = goals.some(({ isMet }) => !isMet);
    if (options.check && isMissed) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
