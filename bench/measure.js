// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { runOrThrow } from "../scripts/setup.js";
import { runLoad, serverLaunch, ServerProcess } from "./processes.js";

/** Whether a server has the role of a workload, and suits its message size. */
export function takesPart({ roles, bytesMin = 0 }, { role, flags }) {
  return roles[role] !== undefined && flags.bytes >= bytesMin;
}

/**
 * Measures the servers under a workload, in rounds in which each has its turn,
 * and returns the workload with `servers`, each with the figures of its `rounds`
 * or its `failure`. `onStep` is called with what is measured next.
 */
export async function measure(bench, servers, workload, onStep = () => {}) {
  const entries = servers.filter((server) => takesPart(server, workload))
    .map((server) => ({ server, name: server.name, rounds: [] }));
  /* A server that has failed once is left out of further rounds. */
  const attempt = async (entry, work) => {
    if (entry.failure !== undefined) return undefined;
    onStep(`${workload.name}, ${entry.name}`);
    try {
      return await work(entry.server);
    } catch (error) {
      entry.failure = error.message.trim();
      entry.rounds = [];
      return undefined;
    }
  };
  const settings = workload.load === "rate"
    ? await calibrate(bench, entries, workload, attempt)
    : {};
  for (let round = 0; round < bench.rounds; round++) {
    const measureOne = (entry) =>
      attempt(entry, async (server) => {
        entry.rounds.push(
          await measureRound(bench, server, workload, { ...settings, round }),
        );
      });
    const order = rotate(entries, round);
    if (workload.isTogether) await Promise.all(order.map(measureOne));
    else for (const entry of order) await measureOne(entry);
  }
  for (const entry of entries) delete entry.server;
  return { ...workload, ...settings, servers: entries };
}

/* The rate of messages is the same for all: half of what the slowest reaches. */
async function calibrate(bench, entries, workload, attempt) {
  const probe = { ...workload, load: "echo" };
  const reaches = [];
  for (const entry of entries) {
    const figures = await attempt(
      entry,
      (server) => measureRound({ ...bench, ms: 500 }, server, probe, {}),
    );
    if (figures) reaches.push(figures.messages / figures.seconds);
  }
  return { rate: Math.max(Math.round(Math.min(...reaches) / 2), 1) };
}

/* No server is always the first one, or always after the same one. */
function rotate(list, by) {
  const at = by % list.length;
  const rotated = [...list.slice(at), ...list.slice(0, at)];
  return by % 2 === 0 ? rotated : rotated.reverse();
}

/** Measures one server once, in a new process. */
export async function measureRound(bench, server, workload, settings) {
  const asked = workload.isPaced ? { ...bench, priority: 0 } : bench;
  const command = server.command(server.roles[workload.role], bench.programs);
  if (workload.load === "startup") {
    return await measureStart(asked, server, workload, command);
  }
  const running = new ServerProcess(serverLaunch(asked), command);
  try {
    const port = await running.port();
    const before = await waitedNs(running.pid);
    const started = performance.now();
    const figures = await runLoad(asked, workload.load, {
      port,
      pid: running.pid,
      ...workload.flags,
      ...flagsOf(asked, workload, settings),
    });
    if (figures.messages === 0) throw new Error("no message came back");
    const waited = await waitedNs(running.pid) - before;
    const disturbed = waited / 1e6 / (performance.now() - started);
    return { ...figures, disturbed };
  } catch (error) {
    throw new Error(`${error.message.trim()}\n${running.output}`);
  } finally {
    await running.stop();
  }
}

async function measureStart(bench, server, { flags }, command) {
  const launch = serverLaunch(bench);
  const figures = await runLoad(
    bench,
    "startup",
    { bytes: flags.bytes },
    [...launch, ...command],
  );
  if (server.importCommand === undefined) return figures;
  const [program, ...args] = [...launch, ...server.importCommand("import")];
  const { stdout } = await runOrThrow(program, args, { timeout: 30_000 });
  return { ...figures, importMs: Number(/[\d.]+/.exec(stdout)[0]) };
}

function flagsOf(bench, { load, warmUp }, { rate, round = 0 }) {
  if (load === "idle") return { "settle-ms": bench.settleMs, ms: bench.ms };
  return {
    "warm-up-ms": bench.warmUpMs,
    "warm-up-messages": Math.round(warmUp * bench.warmUpShare),
    ms: bench.ms,
    ...(bench.messages === undefined ? {} : { messages: bench.messages }),
    ...(rate === undefined ? {} : { rate, seed: round + 1 }),
  };
}

/* How long a process was ready to run while its core ran something else. */
async function waitedNs(pid) {
  const text = await readFile(`/proc/${pid}/schedstat`, "utf8");
  return Number(text.split(" ")[1]);
}
