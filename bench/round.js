// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { runOrThrow } from "../scripts/setup.js";
import { ServerProcess } from "./server_process.js";

/** Enough for a runtime to have compiled what is hot. */
const WARM_UP_MS = 500;
const WARM_UP_MESSAGES = 60_000;

/**
 * Measures one server once, in a new process, under one workload. `bench` has
 * the C `programs`, the two `cores`, their `priority` and the counted
 * `seconds`.
 */
export async function measureRound(bench, server, workload) {
  const { programs, cores, priority, seconds } = bench;
  const pin = (core) => [programs.pin, String(core), String(priority)];
  const command = server.command(programs);
  const running = new ServerProcess(pin(cores.server), command);
  try {
    const port = await running.port();
    const before = await waitedNs(running.pid);
    const started = performance.now();
    const [program, ...args] = pin(cores.load);
    const { stdout } = await runOrThrow(program, [
      ...args,
      programs.load,
      "echo",
      ...flags({
        port,
        pid: running.pid,
        connections: workload.connections,
        bytes: workload.bytes,
        "in-flight": workload.inFlight,
        "warm-up-ms": WARM_UP_MS,
        "warm-up-messages": WARM_UP_MESSAGES,
        ms: Math.round(seconds * 1000),
      }),
    ], { timeout: 60_000 + 2000 * seconds });
    const figures = JSON.parse(stdout);
    const { messages, serverCpuSeconds } = figures;
    if (messages === 0) throw new Error("no message came back");
    const waited = await waitedNs(running.pid) - before;
    return {
      ...figures,
      cpuUs: serverCpuSeconds * 1e6 / messages,
      disturbed: waited / 1e6 / (performance.now() - started),
    };
  } catch (error) {
    throw new Error(
      `${server.name}, ${workload.name}: ${error.message}\n${running.output}`,
    );
  } finally {
    await running.stop();
  }
}

/* How long a process was ready to run while others had its core. */
async function waitedNs(pid) {
  const text = await readFile(`/proc/${pid}/schedstat`, "utf8");
  return Number(text.split(" ")[1]);
}

function flags(values) {
  return Object.entries(values).flatMap((
    [name, value],
  ) => [`--${name}`, String(value)]);
}
