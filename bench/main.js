// Copyright the iocp authors. MIT license.

// npm run bench -- [options]: measures servers side by side, each in turn, in new
// processes on a core of its own, and prints a table for each workload and the
// comparisons.
//
//   --quick           one short round, too short to trust
//   --workload NAMES  those of bench/workloads.js to measure (all)
//   --servers NAMES   those of bench/servers.js to measure (all)
//   --before PATH     a checkout of another commit, whose servers are "before-deno",
//                     "before-bun" and so on
//   --rounds N        measurements of each server (5)
//   --seconds S       counted time of each (1)
//   --write           writes the figures of README.md and docs/benchmarks.md
//
// NAMES are separated by commas; a name that does not exist prints those that do.

import { readFile, writeFile } from "node:fs/promises";
import { cpus, release, type } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { repository } from "../scripts/setup/cache.js";
import { run, runOrThrow } from "../scripts/setup/command.js";
import { inTemporaryFolder } from "../scripts/setup/folder.js";
import { ensureNodeModules } from "../scripts/setup/node_modules.js";
import { parseOptions } from "../scripts/setup/options.js";
import { measure } from "./measure.js";
import { chooseCores } from "./processes.js";
import { compilePrograms } from "./programs.js";
import { servers, serversOf } from "./servers.js";
import { workloads } from "./workloads.js";

function parse() {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const flags = { quick: flag, write: flag };
  const names = { workload: text, servers: text, before: text };
  const texts = { ...names, rounds: text, seconds: text };
  const values = parseOptions(import.meta.filename, { ...flags, ...texts });
  const { before } = values;
  const all = before ? [...servers, ...serversOf(before)] : servers;
  const number = (name, usual, quick) => {
    const value = Number(values[name] ?? (values.quick ? quick : usual));
    if (value > 0 && value <= 3600) return value;
    throw new Error(`--${name} needs a number above 0, up to 3600`);
  };
  return {
    ...values,
    workload: choose("workload", values.workload, workloads),
    servers: choose("servers", values.servers, all),
    ...{ rounds: number("rounds", 5, 1), seconds: number("seconds", 1, 0.15) },
  };
}

/* Those of `all` that an option names. */
function choose(option, names, all) {
  return names?.split(",").map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found) return found;
    const known = all.map(({ name }) => name).join(", ");
    throw new Error(`--${option} has no "${name}", but ${known}`);
  }) ?? all;
}

async function describeMachine() {
  const manifest = await readFile(join(repository, "package.json"), "utf8");
  const { deno, bun } = JSON.parse(manifest).devDependencies;
  return `${cpus()[0].model.trim()}, ${cpus().length} cores, ${type()} ` +
    `${release()}, Deno ${deno}, Bun ${bun}`;
}

async function measureAll(options, folder) {
  // Imported late: it needs packages that may have been installed just now.
  const report = await import("./report.js");
  const { quick, rounds, seconds } = options;
  const programs = await compilePrograms(folder);
  const bench = {
    ...{ programs, cores: await chooseCores(), rounds },
    ms: Math.round(1000 * seconds),
    // Collectors return the memory of idle connections late.
    settleMs: quick ? 300 : 25_000,
    warmUpMs: quick ? 100 : 500,
    warmUp: quick ? 0.1 : 1,
    timeout: 150_000 + 2000 * seconds,
  };
  const git = ["-C", repository, "describe", "--always", "--dirty"];
  const results = {
    date: new Date().toISOString().slice(0, 10),
    commit: (await run("git", git)).stdout.trim() || "unknown",
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    machine: await describeMachine(),
    ...{ rounds, seconds },
    workloads: [],
  };
  console.log(results.machine);
  for (const workload of options.workload) {
    const done = await measure(bench, options.servers, workload, showStep);
    showStep("");
    results.workloads.push(done);
    console.log(`\n${done.name}: ${done.text}\n`);
    console.log(report.workloadTable(done));
    for (const line of report.describeTrouble(done)) console.log(line);
  }
  console.log(`\n${report.comparisonTables(results.workloads)}`);
  if (!options.write) return;
  for (const name of ["README.md", "docs/benchmarks.md"]) {
    const page = await readFile(join(repository, name), "utf8");
    await writeFile(join(repository, name), report.updatePage(page, results));
  }
  const format = join(repository, "scripts", "format.js");
  await runOrThrow(process.execPath, [format, "--write"]);
}

/* On a terminal only: what is measured now. */
function showStep(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

try {
  const options = parse();
  if (process.platform !== "linux") {
    throw new Error("NotSupported: it needs Linux, for epoll and taskset");
  }
  await ensureNodeModules();
  const measureIn = (folder) => measureAll(options, folder);
  await inTemporaryFolder("iocp-bench-", measureIn);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
