// Copyright the iocp authors. MIT license.

// Calls a message: how often a server enters the system for each message that
// it echoes.
//
//   node bench/calls.js                          all servers
//   node bench/calls.js --servers c,iocp-deno --workload echo-64-x1
//   node bench/calls.js --json FILE              writes every figure as well
//
// On Linux these are the system calls of all threads, counted by perf, or by
// strace where perf cannot; both need root. Of Windows programs, which run under
// Wine, they are the calls of Winsock and of the completion port that this
// module's DLL makes, or a server by hand; what does not reach the system is
// listed and not in the sum. Names that end in -windows are this module as it is
// on Windows, those that end in -wine as it is on Wine (calls/wine.js).

import { writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { countLinuxCalls } from "./calls/linux.js";
import { countWindowsCalls, windowsServers } from "./calls/wine.js";
import { chooseByName } from "./choose.js";
import { chooseCores } from "./cores.js";
import { loadLaunch, serverLaunch } from "./load_process.js";
import { buildPeers } from "./peers.js";
import { compilePrograms } from "./programs.js";
import { servers as scripts } from "./servers.js";
import { runTool } from "./tool.js";
import { mainWorkload, workloads } from "./workloads.js";

/** Rarer ones are summed up. */
const RARE = 0.005;

/**
 * Every server whose calls can be counted: `{ name, count(workload, settings) }`
 * or `{ name, reason }`. `settings` has the `load` as a program and its first
 * arguments, a scratch `folder`, and `launch`, what a Linux server is started
 * by; Windows servers run where the system lets them.
 */
async function countableServers(programs) {
  const counted = (name, command) => ({
    name,
    count: (workload, settings) => countLinuxCalls(command, workload, settings),
  });
  return [
    ...scripts.map((server) => counted(server.name, echoOf(server, programs))),
    ...(await buildPeers()).map((peer) =>
      peer.reason === undefined
        ? counted(peer.name, peer.command("echo"))
        : peer
    ),
    ...windowsServers.map((server) => ({
      name: server.name,
      count: (workload, settings) =>
        countWindowsCalls(server, workload, settings),
    })),
  ];
}

/* The command of a server that echoes, in one of its ways. */
function echoOf({ command, roles }, programs) {
  return command(roles.echo, programs);
}

function describe({ reason, method, perMessage, byName, others }) {
  if (reason !== undefined) return `left out: ${reason}`;
  const line = `${perMessage.toFixed(3)} (${method}): ${list(byName)}`;
  return others ? `${line}; besides ${list(others)}` : line;
}

function list(byName) {
  const entries = Object.entries(byName);
  const often = entries.filter(([, calls]) => Math.abs(calls) >= RARE);
  const rare = entries.filter(([, calls]) => Math.abs(calls) < RARE)
    .reduce((sum, [, calls]) => sum + calls, 0);
  const parts = often.map(([name, calls]) => `${name} ${calls.toFixed(3)}`);
  if (Math.abs(rare) >= 0.0005) parts.push(`rarer ones ${rare.toFixed(3)}`);
  return parts.join(", ");
}

async function main(folder) {
  const { values } = parseArgs({
    options: {
      servers: { type: "string" },
      workload: { type: "string", default: mainWorkload },
      json: { type: "string" },
    },
  });
  if (process.platform !== "linux") {
    throw new Error("NotSupported: calls are counted on Linux only");
  }
  const echoes = workloads.filter(({ inFlight }) => inFlight !== undefined);
  const [workload] = chooseByName("--workload", values.workload, echoes);
  const programs = await compilePrograms(folder);
  const all = await countableServers(programs);
  const bench = { programs, cores: await chooseCores(), priority: 0 };
  const settings = {
    load: [...loadLaunch(bench), "echo"],
    folder,
    launch: serverLaunch(bench),
  };
  const results = [];
  console.log(`calls a message, ${workload.name}\n`);
  for (const server of chooseByName("--servers", values.servers, all)) {
    const result = server.count
      ? await server.count(workload, settings)
      : { reason: server.reason };
    console.log(`${server.name.padEnd(18)} ${describe(result)}`);
    results.push({ name: server.name, ...result });
  }
  if (values.json !== undefined) {
    const report = { workload, results };
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runTool("calls", main);
}
