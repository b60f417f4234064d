// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { runOrThrow } from "../scripts/setup.js";
import { kinds } from "./kinds.js";
import { runLoad, serverLaunch } from "./load_process.js";
import { ServerProcess } from "./server_process.js";

/** Message after message, so far apart that a server goes to sleep. */
const WAKE_GAP_US = { "gap-min-us": 10_000, "gap-max-us": 20_000 };

/**
 * Measures one server once, in a new process, under one workload. `bench` has
 * the C `programs`, the two `cores`, their `priority`, the counted `seconds`, or
 * `messages` instead, and how long everything beside that takes (see pace.js).
 */
export async function measureRound(bench, server, workload) {
  const { isPaced } = kinds[workload.kind];
  const asked = isPaced ? { ...bench, priority: 0 } : bench;
  if (server.measure !== undefined) return server.measure(asked, workload);
  return workload.kind === "startup"
    ? await measureStart(asked, server, workload)
    : await measureLoad(asked, server, workload);
}

/** Messages a second that a server echoes at most, from a short look. */
export async function measureReach(bench, server, workload) {
  const probe = { ...workload, kind: "echo", inFlight: 1 };
  const { messages, seconds } = await measureLoad(
    { ...bench, seconds: bench.probeSeconds },
    server,
    probe,
  );
  return messages / seconds;
}

async function measureStart(bench, server, workload) {
  const { role, load } = kinds[workload.kind];
  const command = server.command(server.roles[role], bench.programs);
  const figures = await runLoad(
    bench,
    load,
    { bytes: workload.bytes },
    [...serverLaunch(bench), ...command],
  );
  if (server.importCommand === undefined) return figures;
  const [program, ...args] = [
    ...serverLaunch(bench),
    ...server.importCommand("import"),
  ];
  const { stdout } = await runOrThrow(program, args, { timeout: 30_000 });
  return { ...figures, importMs: Number(/[\d.]+/.exec(stdout)[0]) };
}

async function measureLoad(bench, server, workload) {
  const { role, load } = kinds[workload.kind];
  const command = server.command(server.roles[role], bench.programs);
  const running = new ServerProcess(serverLaunch(bench), command);
  try {
    const port = await running.port();
    const before = await waitedNs(running.pid);
    const started = performance.now();
    const figures = await runLoad(bench, load, {
      port,
      pid: running.pid,
      ...flagsOf(bench, workload),
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

function flagsOf(bench, workload) {
  const { kind, connections, bytes, inFlight, rate, warmUp } = workload;
  const flags = { connections, bytes };
  if (kind === "idle") {
    return { ...flags, "settle-ms": bench.settleMs, ms: bench.idleMs };
  }
  return {
    ...flags,
    "warm-up-ms": bench.warmUpMs,
    "warm-up-messages": Math.round(warmUp * bench.warmUpShare),
    ms: Math.round(bench.seconds * 1000),
    ...(bench.messages === undefined ? {} : { messages: bench.messages }),
    ...(kind === "echo" ? { "in-flight": inFlight } : {}),
    ...(kind === "rate" ? { rate, seed: workload.round + 1 } : {}),
    ...(kind === "wake" ? { ...WAKE_GAP_US, seed: workload.round + 1 } : {}),
  };
}

/* How long a process was ready to run while others had its core. */
async function waitedNs(pid) {
  const text = await readFile(`/proc/${pid}/schedstat`, "utf8");
  return Number(text.split(" ")[1]);
}
