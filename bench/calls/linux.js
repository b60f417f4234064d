// Copyright the iocp authors. MIT license.

import process from "node:process";
import { ServerProcess } from "../server_process.js";
import { countEach, sendMessages } from "./load.js";
import { countByPerf, perfIsMissing } from "./perf.js";
import { countByStrace, straceIsMissing } from "./strace.js";

/* The best first: with the other one everything takes far longer. */
const methods = [
  {
    name: "perf",
    messages: 20_000,
    isMissing: perfIsMissing,
    count: countByPerf,
  },
  {
    name: "strace",
    messages: 8000,
    isMissing: straceIsMissing,
    count: countByStrace,
  },
];

/* Enough for a runtime to have compiled what is hot. */
const WARM_UP = 20_000;

let chosen;

async function choose() {
  const reasons = [];
  for (const method of methods) {
    const reason = await method.isMissing();
    if (reason === undefined) return { method };
    reasons.push(reason);
  }
  return { reason: reasons.join("; ") };
}

/**
 * Counts the system calls of a server, started by `launch` and `command`, all
 * its threads: `{ method, perMessage, byName }` or `{ reason }`.
 */
export async function countLinuxCalls(command, workload, settings) {
  if (process.platform !== "linux") return { reason: "this is not Linux" };
  const { method, reason } = await (chosen ??= choose());
  if (!method) return { reason };
  const { load, folder, launch = [] } = settings;
  const running = new ServerProcess(launch, command);
  const count = (send) => method.count(running.pid, folder, send);
  try {
    const port = await running.port();
    await sendMessages(load, port, workload, WARM_UP);
    const byName = await countEach(
      load,
      port,
      workload,
      method.messages,
      count,
    );
    const perMessage = Object.values(byName).reduce((a, b) => a + b, 0);
    return { method: method.name, perMessage, byName };
  } catch (error) {
    throw new Error(`${command[0]}: ${error.message}\n${running.output}`);
  } finally {
    await running.stop();
  }
}
