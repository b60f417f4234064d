// Copyright the iocp authors. MIT license.

import { kinds } from "../kinds.js";
import { loadLaunch, serverLaunch } from "../load_process.js";
import { countLinuxCalls } from "./linux.js";
import { countWindowsCalls, windowsServers } from "./wine.js";

/**
 * The system calls of a server for each message, as the bench measures it:
 * `{ perMessage, byName }`, or `{ reason }` where they cannot be counted.
 */
export async function callsOf(bench, server, workload) {
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

/** What the Windows engine is compared with, as servers of the bench. */
export const windowsTakers = windowsServers.map((server) => ({
  ...server,
  runtime: "Wine",
  roles: { windows: "echo" },
  measure: async (bench, workload) => {
    const { load } = kinds[workload.kind];
    const { folder } = bench;
    const figures = await countWindowsCalls(server, workload, {
      load: [...loadLaunch(bench), load],
      folder,
    });
    if (figures.reason !== undefined) throw new Error(figures.reason);
    return figures;
  },
}));
