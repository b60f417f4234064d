// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { runLoad, startServer } from "./processes.js";

/**
 * Measures the servers under a workload, in rounds in which each has its turn,
 * and returns the workload with `servers`, each with the figures of its `rounds`
 * or its `failure`. `onStep` is called with what is measured next.
 */
export async function measure(bench, servers, workload, onStep = () => {}) {
  const entries = servers.filter(({ roles }) => roles[workload.role])
    .map((server) => ({ name: server.name, server, rounds: [] }));
  /* A server that has failed is left out of further rounds. */
  const measureOne = async (entry) => {
    if (entry.failure !== undefined) return;
    onStep(`${workload.name}, ${entry.name}`);
    try {
      entry.rounds.push(await measureOnce(entry.server, bench, workload));
    } catch (error) {
      Object.assign(entry, { failure: error.message.trim(), rounds: [] });
    }
  };
  for (let round = 0; round < bench.rounds; round++) {
    const order = rotate(entries, round);
    if (workload.isTogether) await Promise.all(order.map(measureOne));
    else for (const entry of order) await measureOne(entry);
  }
  for (const entry of entries) delete entry.server;
  return { ...workload, servers: entries };
}

/* No server is always the first one, or always after the same one. */
function rotate(list, by) {
  const at = by % list.length;
  const rotated = [...list.slice(at), ...list.slice(0, at)];
  return by % 2 === 0 ? rotated : rotated.reverse();
}

/* Measures one server once, in a new process. */
async function measureOnce(server, bench, workload) {
  const command = server.command(server.roles[workload.role], bench.programs);
  const { pid, port, stop } = await startServer(bench, command);
  try {
    const before = await waitedMs(pid);
    const started = performance.now();
    const figures = await runLoad(bench, workload.load, {
      ...{ port, pid, ...workload.options },
      warm_up_ms: bench.warmUpMs,
      warm_up_messages: Math.round((workload.warmUp ?? 0) * bench.warmUp),
      ...{ ms: bench.ms, settle_ms: bench.settleMs },
    });
    const waited = await waitedMs(pid) - before;
    return { ...figures, disturbed: waited / (performance.now() - started) };
  } catch (error) {
    throw new Error(`${error.message.trim()}\n${await stop()}`);
  } finally {
    await stop();
  }
}

/* How long a process was ready to run while its core ran something else. */
async function waitedMs(pid) {
  const text = await readFile(`/proc/${pid}/schedstat`, "utf8");
  return Number(text.split(" ")[1]) / 1e6;
}
