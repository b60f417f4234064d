// Copyright the iocp authors. MIT license.

// npm run bench: measures servers side by side, each in turn, on a core of its
// own, and prints a table for each workload and the comparisons.

import { writeFile } from "node:fs/promises";
import { cpus, release, type } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  bunPath,
  denoPath,
  ensureNodeModules,
  inTemporaryFolder,
  repository,
  run,
  runOrThrow,
} from "../scripts/setup.js";
import { chooseCores, compilePrograms } from "./processes.js";
import { findPeers, servers as builtIn } from "./servers.js";
import { workloads } from "./workloads.js";

const help = `usage: npm run bench -- [options]

Measures servers side by side, each in turn, in new processes.

  --quick           one short round, too short to trust
  --workload NAMES  ${list(workloads)}
  --servers NAMES   ${list(builtIn)}, libuv, tokio
  --rounds N        measurements of each server (default 5)
  --seconds S       counted time of each (default 1)
  --settle S        seconds for which idle connections are silent before memory
                    is read (default 25); collectors give memory back late
  --realtime        keeps other programs off both cores; needs root
  --json FILE       writes the figures of every round
  --write           writes docs/benchmarks.md

NAMES are separated by commas; the default is all.`;

function list(named) {
  const names = named.map(({ name }) => name).join(", ");
  return names.replace(/(.{30,52}),\s/g, "$1,\n" + " ".repeat(20));
}

function parse(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      workload: { type: "string" },
      servers: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      settle: { type: "string" },
      realtime: { type: "boolean", default: false },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { quick } = values;
  return {
    ...values,
    rounds: number("rounds", values.rounds ?? (quick ? 1 : 5)),
    seconds: number("seconds", values.seconds ?? (quick ? 0.15 : 1)),
    settle: number("settle", values.settle ?? (quick ? 0.3 : 25)),
  };
}

function number(name, text) {
  const value = Number(text);
  if (!(value > 0 && value <= 3600)) {
    throw new Error(`--${name} needs a number above 0, up to 3600`);
  }
  return value;
}

/** Those of `all` that an option names. */
export function choose(option, names, all) {
  if (names === undefined) return all;
  return names.split(",").map((text) => {
    const name = text.trim();
    const found = all.find((one) => one.name === name);
    if (found) return found;
    const known = all.map((one) => one.name).join(", ");
    throw new Error(`--${option} has no "${name}"; it has ${known}`);
  });
}

async function describeRun(options, args) {
  const version = async (path) => {
    const { stdout } = await runOrThrow(path, ["--version"]);
    return /\d+\.\d+\.\d+\S*/.exec(stdout)[0];
  };
  const head = await run("git", ["describe", "--always", "--dirty"], {
    cwd: repository,
  });
  const { rounds, seconds, settle, realtime } = options;
  return {
    date: new Date().toISOString(),
    commit: head.ok ? head.stdout.trim() : "unknown",
    command: ["npm run bench --", ...args].join(" "),
    machine: {
      cpu: cpus()[0].model.trim(),
      cores: cpus().length,
      system: `${type()} ${release()}`,
      deno: await version(denoPath()),
      bun: await version(bunPath()),
      node: process.versions.node,
    },
    settings: { rounds, seconds, settle, realtime },
  };
}

async function measureAll(options, args, folder) {
  const { measure } = await import("./measure.js");
  const { describeMachine, describeTrouble, table, workloadRows } =
    await import("./report.js");
  const { peers, leftOut } = options.quick
    ? { peers: [], leftOut: ["native peers: --quick"] }
    : await findPeers();
  const servers = choose("servers", options.servers, [...builtIn, ...peers]);
  const { quick, rounds, seconds, settle } = options;
  const bench = {
    programs: await compilePrograms(folder),
    cores: await chooseCores(),
    priority: options.realtime ? 1 : 0,
    rounds,
    ms: Math.round(1000 * seconds),
    settleMs: Math.round(1000 * settle),
    warmUpMs: quick ? 100 : 500,
    warmUpShare: quick ? 0.1 : 1,
    timeout: 90_000 + 2000 * (seconds + settle),
  };
  const head = await describeRun(options, args);
  console.log(describeMachine(head.machine));
  const results = {
    ...head,
    servers: servers.map(({ name, title, own }) => ({ name, title, own })),
    workloads: [],
    leftOut,
  };
  for (const workload of choose("workload", options.workload, workloads)) {
    const done = await measure(bench, servers, workload, showStep);
    showStep("");
    results.workloads.push(done);
    console.log(`\n${done.name}: ${done.text}\n`);
    console.log(table(workloadRows(done, servers)));
    for (const line of describeTrouble(done)) console.log(line);
  }
  return results;
}

/* On a terminal only: what is measured now. */
function showStep(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function main() {
  const args = process.argv.slice(2);
  const options = parse(args);
  if (options.help) {
    console.log(help);
    return;
  }
  if (process.platform !== "linux") {
    throw new Error(
      "NotSupported: the bench measures on Linux only, since it pins the " +
        "server and the load to cores and its floor is an epoll server",
    );
  }
  await ensureNodeModules();
  const results = await inTemporaryFolder(
    "iocp-bench-",
    (folder) => measureAll(options, args, folder),
  );
  const { comparisonTable, describePage } = await import("./report.js");
  console.log(`\n${comparisonTable(results)}`);
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(results)}\n`);
  }
  if (options.write) {
    const file = join(repository, "docs", "benchmarks.md");
    await writeFile(file, describePage(results));
    await runOrThrow(process.execPath, [
      join(repository, "scripts", "format.js"),
      "--write",
    ]);
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
