// Copyright the iocp authors. MIT license.

// Where the time of a message goes: in the kernel, in the native library, in
// compiled JavaScript, in the runtime itself.
//
//   node bench/profile.js                        the C floor and this module
//   node bench/profile.js --servers c,deno-listen --workload churn-x50
//   node bench/profile.js --top 12               and the busiest functions
//
// Linux only: perf takes a look at each server 4,000 times a second of its CPU
// time, at all threads, and needs root. The servers run as in `npm run bench`.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run, runOrThrow } from "../scripts/setup.js";
import { sendMessages } from "./calls/load.js";
import { recordByPerf } from "./calls/perf.js";
import { chooseByName } from "./choose.js";
import { chooseCores } from "./cores.js";
import { kinds, takesPart } from "./kinds.js";
import { loadLaunch, serverLaunch } from "./load_process.js";
import { compilePrograms } from "./programs.js";
import { ServerProcess } from "./server_process.js";
import { servers } from "./servers.js";
import { formatText } from "./tables.js";
import { runTool } from "./tool.js";
import { mainWorkload, workloads } from "./workloads.js";

/* What can be had as often as wanted, one after the other. */
const KINDS = new Set(["echo", "upload", "download", "churn", "broadcast"]);
/* Enough for a runtime to have compiled what is hot. */
const WARM_UP = 20_000;
/* About as long as two seconds of the floor. */
const BYTES = 8e9;
const MESSAGES_MAX = 400_000;

const places = [
  ["kernel", /kernel|\.ko\b/],
  ["library", /iocp/],
  ["JavaScript", /JIT|anon|\.map$|memfd|unknown/],
  ["runtime", /./],
];

/* Of all threads; a process's own file tells of the first one only. */
async function cpuUs(pid) {
  const folder = `/proc/${pid}/task`;
  const texts = await Promise.all(
    (await readdir(folder)).map((tid) =>
      readFile(`${folder}/${tid}/schedstat`, "utf8").catch(() => "0")
    ),
  );
  return texts.reduce((sum, text) => sum + parseInt(text), 0) / 1000;
}

/* Shares of a report, as [share, name], the largest first. */
async function sharesOf(file, fields) {
  const { stdout } = await runOrThrow("perf", [
    ...["report", "--stdio", "-i", file, "--no-children", "-g", "none"],
    ...["-F", `overhead,${fields}`, "-t", "|"],
  ], { timeout: 120_000 });
  return [...stdout.matchAll(/^\s*([\d.]+)%\s*\|(.*)$/gm)]
    .map(([, share, name]) => [Number(share) / 100, name.trim()]);
}

async function profile(server, workload, settings) {
  const { programs, launch, load, folder, top } = settings;
  const { role } = kinds[workload.kind];
  const command = server.command(server.roles[role], programs);
  const running = new ServerProcess(launch, command);
  const file = join(folder, `${server.name}.data`);
  const messages = Math.min(MESSAGES_MAX, Math.ceil(BYTES / workload.bytes));
  try {
    const port = await running.port();
    await sendMessages(load, port, workload, WARM_UP);
    let used;
    let sent;
    await recordByPerf(running.pid, file, async () => {
      const before = await cpuUs(running.pid);
      sent = await sendMessages(load, port, workload, messages);
      used = await cpuUs(running.pid) - before;
    });
    const us = used / sent;
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
      workload: { type: "string", default: mainWorkload },
      top: { type: "string", default: "0" },
    },
  });
  const tried = await run("perf", ["--version"], { timeout: 20_000 });
  if (process.platform !== "linux" || !tried.ok) {
    throw new Error("NotSupported: profiles are made on Linux, by perf");
  }
  const known = workloads.filter(({ kind }) => KINDS.has(kind));
  const [workload] = chooseByName("--workload", values.workload, known);
  const { load, unit } = kinds[workload.kind];
  const able = servers.filter((server) => takesPart(server, workload));
  const programs = await compilePrograms(folder);
  const bench = { programs, cores: await chooseCores(), priority: 0 };
  const settings = {
    programs,
    folder,
    top: Number(values.top),
    load: [...loadLaunch(bench), load],
    launch: serverLaunch(bench),
  };
  const rows = [["server", "CPU us", ...places.map(([name]) => name)]];
  const lists = [];
  for (const server of chooseByName("--servers", values.servers, able)) {
    const { us, sums, functions } = await profile(server, workload, settings);
    const figures = [us, ...sums.values()].map((one) => one.toFixed(2));
    rows.push([server.name, ...figures]);
    if (functions.length > 0) {
      lists.push(
        `\n${server.name}`,
        ...functions.map(([share, name]) =>
          `  ${(share * us).toFixed(2)} us  ${
            name.replaceAll(/\s*\|\s*/g, "  ")
          }`
        ),
      );
    }
  }
  console.log(`us of CPU ${unit}, ${workload.name}\n\n${formatText(rows)}`);
  if (lists.length > 0) console.log(lists.join("\n"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runTool("profile", main);
}
