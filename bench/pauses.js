// Copyright the iocp authors. MIT license.

// How often the collectors of the runtimes stop a server, and for how long: what
// the slowest answers at a fixed rate wait for.
//
//   node bench/pauses.js                        this module and the own sockets
//   node bench/pauses.js --servers iocp-bun,node-net-bun --rate 30000
//
// The load is that of the bench's workload rate-64-x50, on its core. The runtimes
// write down themselves what their collectors do (BUN_JSC_logGC, --trace-gc). All
// of a process counts, in Bun also the small heap of the Worker that waits.

import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseByName } from "./choose.js";
import { chooseCores } from "./cores.js";
import { runLoad, serverLaunch } from "./load_process.js";
import { compilePrograms } from "./programs.js";
import { ServerProcess } from "./server_process.js";
import { servers } from "./servers.js";
import { sum } from "./summary.js";
import { formatText } from "./tables.js";
import { runTool } from "./tool.js";
import { workloads } from "./workloads.js";

const SECONDS = 5;

const logs = {
  Bun: {
    variable: ["BUN_JSC_logGC", "1"],
    // START M 13630kb => EdenCollection, ... => 7613kb, p=0.718ms (max ...
    line: /START \w+ (\d+)kb\b.*=> (\d+)kb, p=([\d.]+)ms/g,
    bytes: 1024,
  },
  Deno: {
    variable: ["DENO_V8_FLAGS", "--trace-gc"],
    // Scavenge 10.1 (14.2) -> 6.9 (14.2) MB, pooled: 0.0 MB, 0.19 / 0.00 ms
    line: /ms: [^\n]*? ([\d.]+) \([\d.]+\) -> ([\d.]+) [^\n]*?([\d.]+) \/ /g,
    bytes: 1024 * 1024,
  },
};

/* What a runtime has written, as collections. */
function collectionsOf(text, { line, bytes }) {
  return [...text.matchAll(line)].map(([, before, after, ms]) => ({
    ms: Number(ms),
    freed: (before - after) * bytes,
  }));
}

async function measurePauses(bench, server, rate) {
  const log = logs[server.runtime];
  const [name, value] = log.variable;
  process.env[name] = value;
  const { connections, bytes, warmUp } = workloads.find(({ kind }) =>
    kind === "rate"
  );
  const running = new ServerProcess(
    serverLaunch(bench),
    server.command(server.roles.echo, bench.programs),
  );
  try {
    const load = {
      port: await running.port(),
      pid: running.pid,
      connections,
      bytes,
      rate,
    };
    await runLoad(bench, "rate", {
      ...load,
      ms: 100,
      seed: 1,
      ...warm(warmUp),
    });
    const from = running.output.length;
    const { messages, seconds, latencyUs } = await runLoad(bench, "rate", {
      ...load,
      ms: 1000 * SECONDS,
      seed: 2,
      ...warm(0),
    });
    const found = collectionsOf(running.output.slice(from), log);
    const stopped = sum(found.map(({ ms }) => ms));
    return [
      latencyUs.p99,
      found.length / seconds,
      found.length === 0 ? 0 : 1000 * stopped / found.length,
      1000 * Math.max(0, ...found.map(({ ms }) => ms)),
      stopped / seconds / 10,
      sum(found.map(({ freed }) => freed)) / messages,
    ];
  } finally {
    delete process.env[name];
    await running.stop();
  }
}

function warm(messages) {
  return { "warm-up-ms": 100, "warm-up-messages": messages };
}

async function main(folder) {
  const { values } = parseArgs({
    options: {
      servers: {
        type: "string",
        default: "iocp-deno,deno-listen,iocp-bun,bun-listen",
      },
      rate: { type: "string", default: "50000" },
    },
  });
  const rate = Number(values.rate);
  if (!(rate > 0)) throw new Error("--rate needs a number above 0");
  const known = servers.filter(({ runtime }) => runtime in logs);
  const chosen = chooseByName("--servers", values.servers, known);
  const programs = await compilePrograms(folder);
  const bench = {
    programs,
    cores: await chooseCores(),
    priority: 0,
    timeout: 60_000,
  };
  const rows = [[
    "server",
    "p99 us",
    "stops a second",
    "mean us",
    "longest us",
    "% of the time",
    "bytes freed a message",
  ]];
  for (const server of chosen) {
    const figures = await measurePauses(bench, server, rate);
    rows.push([
      server.name,
      ...figures.map((one) => one.toFixed(one < 10 ? 2 : 0)),
    ]);
  }
  console.log(`${rate} messages a second\n\n${formatText(rows)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runTool("pauses", main);
}
