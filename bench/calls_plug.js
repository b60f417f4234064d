// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { kinds } from "./kinds.js";
import { loadLaunch, serverLaunch } from "./load_process.js";

/**
 * The system calls of a server for each message, by bench/calls.js:
 * `{ perMessage, byName }`, or `{ reason }` where they cannot be counted.
 */
export async function callsOf(bench, server, workload) {
  const file = join(import.meta.dirname, "calls.js");
  if (!existsSync(file)) return { reason: "there is no bench/calls.js" };
  const { countLinuxCalls } = await import(pathToFileURL(file).href);
  const { role, load } = kinds[workload.kind];
  const command = server.command(server.roles[role], bench.programs);
  try {
    return await countLinuxCalls(command, workload, {
      folder: bench.folder,
      launch: serverLaunch(bench),
      load: [...loadLaunch(bench), load],
    });
  } catch (error) {
    return { reason: error.message.trim() };
  }
}
