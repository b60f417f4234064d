// Copyright the iocp authors. MIT license.

// Where the CPU time of a message goes: in the kernel, in the native library, in
// compiled JavaScript, in the runtime itself.
//
//   node bench/profile.js                        the C floor and this module
//   node bench/profile.js --servers c,deno-listen --workload churn-x50
//   node bench/profile.js --top 12               and the busiest functions
//
// Linux only: perf samples all threads of each server 4,000 times a second of
// CPU time, and needs root. The servers run as in `npm run bench`.

import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { inTemporaryFolder, run, runOrThrow } from "../scripts/setup.js";
import {
  chooseCores,
  compilePrograms,
  runLoad,
  serverLaunch,
  ServerProcess,
} from "./processes.js";
import { table } from "./report.js";
import { servers } from "./servers.js";
import { workloads } from "./workloads.js";

const SECONDS = 2;
const places = [
  ["kernel", /kernel|\.ko\b/],
  ["library", /iocp/],
  ["JavaScript", /JIT|anon|\.map$|memfd|unknown/],
  ["runtime", /./],
];

/* Shares of a recording, as [share, name], the largest first. */
async function sharesOf(file, fields) {
  const { stdout } = await runOrThrow("perf", [
    ...["report", "--stdio", "-i", file, "--no-children", "-g", "none"],
    ...["-F", `overhead,${fields}`, "-t", "|"],
  ], { timeout: 120_000 });
  return [...stdout.matchAll(/^\s*([\d.]+)%\s*\|(.*)$/gm)]
    .map(([, share, name]) => [Number(share) / 100, name.trim()]);
}

async function profile(bench, server, workload, top) {
  const role = server.roles[workload.role];
  const command = server.command(role, bench.programs);
  const running = new ServerProcess(serverLaunch(bench), command);
  const file = join(bench.folder, `${server.name}.data`);
  try {
    const flags = {
      port: await running.port(),
      pid: running.pid,
      ...workload.flags,
      ms: 1000 * SECONDS,
    };
    const warm = { ...flags, "warm-up-messages": workload.warmUp, ms: 1 };
    await runLoad(bench, workload.load, warm);
    const perf = spawn("perf", [
      ...["record", "-q", "-F", "4000", "-o", file, "-p", String(running.pid)],
    ], { stdio: "ignore" });
    const ended = new Promise((resolve) => perf.on("close", resolve));
    const { serverCpuSeconds, messages } = await runLoad(
      bench,
      workload.load,
      flags,
    );
    perf.kill("SIGINT");
    await ended;
    const us = 1e6 * serverCpuSeconds / messages;
    const sums = new Map(places.map(([name]) => [name, 0]));
    for (const [share, name] of await sharesOf(file, "dso")) {
      const [place] = places.find(([, pattern]) => pattern.test(name));
      sums.set(place, sums.get(place) + share * us);
    }
    const functions = top > 0
      ? (await sharesOf(file, "sym,dso")).slice(0, top)
      : [];
    return { us, sums, functions };
  } finally {
    await running.stop();
  }
}

async function main(folder) {
  const { values } = parseArgs({
    options: {
      servers: { type: "string", default: "c,iocp-deno,iocp-bun" },
      workload: { type: "string", default: "echo-64-x50" },
      top: { type: "string", default: "0" },
    },
  });
  const tried = await run("perf", ["--version"], { timeout: 20_000 });
  if (process.platform !== "linux" || !tried.ok) {
    throw new Error("NotSupported: profiles are made on Linux, by perf");
  }
  const workload = workloads.find(({ name }) => name === values.workload);
  const names = values.servers.split(",");
  const chosen = servers.filter(({ name }) => names.includes(name));
  if (workload === undefined || chosen.length !== names.length) {
    throw new Error(
      "there is no such workload or server: npm run bench -- --help",
    );
  }
  const bench = {
    programs: await compilePrograms(folder),
    cores: await chooseCores(),
    priority: 0,
    timeout: 120_000,
    folder,
  };
  const rows = [["server", "CPU us", ...places.map(([name]) => name)]];
  const lists = [];
  for (const server of chosen) {
    const top = Number(values.top);
    const { us, sums, functions } = await profile(bench, server, workload, top);
    const figures = [us, ...sums.values()].map((one) => one.toFixed(2));
    rows.push([server.name, ...figures]);
    if (functions.length === 0) continue;
    lists.push(`\n${server.name}`);
    for (const [share, name] of functions) {
      const where = name.replaceAll(/\s*\|\s*/g, "  ");
      lists.push(`  ${(share * us).toFixed(2)} us  ${where}`);
    }
  }
  console.log(`${workload.name}\n\n${table(rows)}`);
  for (const line of lists) console.log(line);
}

try {
  await inTemporaryFolder("iocp-profile-", main);
} catch (error) {
  console.error(`profile: ${error.message}`);
  process.exitCode = 1;
}
