// Copyright the iocp authors. MIT license.

// The calls of Windows programs, run under Wine: those that the program makes,
// not what Wine makes of them.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ensureWindowsRuntimes,
  ensureWine,
  repository,
} from "../../scripts/setup.js";
import { buildRawIocp } from "../peers/raw_iocp.js";
import { ServerProcess } from "../server_process.js";
import { countImports } from "./imports.js";
import { countEach, sendMessages } from "./load.js";

const library = join(repository, "ffi/prebuilt/windows_x86_64/iocp.dll");
const script = join(repository, "bench/servers/iocp.ts");

/* Wine is slow, and what is counted does not depend on how often. */
const MESSAGES = 5000;
const WARM_UP = 3000;

/** Those that go to the network or to the port, and so into the kernel. */
const system = new Set([
  ...["WSARecv", "WSASend", "recv", "send", "WSAPoll", "WSAIoctl"],
  ...["WSASocketW", "closesocket", "shutdown", "bind", "listen"],
  ...["setsockopt", "getsockopt", "ioctlsocket", "getpeername"],
  ...["getsockname", "GetQueuedCompletionStatusEx", "CancelIoEx"],
  ...["PostQueuedCompletionStatus", "CreateIoCompletionPort"],
  ...["SetFileCompletionNotificationModes"],
]);

/**
 * The servers whose calls can be counted. On Wine this module goes around a
 * fault of it when it sends; where `hidesWine` is set it cannot know, and does
 * what it does on Windows.
 */
export const windowsServers = [
  {
    name: "raw-iocp-windows",
    title: "a completion port by hand, in C",
    runtime: null,
  },
  {
    name: "iocp-deno-windows",
    title: "this module, Deno for Windows",
    runtime: "deno",
    hidesWine: true,
  },
  {
    name: "iocp-bun-windows",
    title: "this module, Bun for Windows",
    runtime: "bun",
    hidesWine: true,
  },
  {
    name: "iocp-deno-wine",
    title: "the same, Deno, when it knows of Wine",
    runtime: "deno",
  },
  {
    name: "iocp-bun-wine",
    title: "the same, Bun, when it knows of Wine",
    runtime: "bun",
  },
];

/**
 * Counts the calls of one of them: `{ perMessage, byName, others }`, where
 * `others` are those that reach neither the network nor the port and are not in
 * the sum, or `{ reason }`.
 */
export async function countWindowsCalls(server, workload, { load, folder }) {
  const { wine, reason } = await ensureWine();
  if (!wine) return { reason: `it runs under Wine: ${reason}` };
  const place = join(folder, server.name);
  const file = server.runtime ? library : await buildRawIocp();
  const { path, names } = await countImports(file, place);
  const counts = join(place, "counts");
  await writeFile(counts, new Uint8Array(8 * names.length));
  const command = await commandOf(wine, server, { path, place, counts });
  const running = new ServerProcess([], command);
  const count = async (send) => {
    const before = await readCounts(counts, names);
    await send();
    const after = await readCounts(counts, names);
    return new Map(names.map((name, i) => [name, after[i] - before[i]]));
  };
  try {
    const port = await running.port();
    await sendMessages(load, port, workload, WARM_UP);
    return divide(await countEach(load, port, workload, MESSAGES, count));
  } catch (error) {
    throw new Error(`${server.name}: ${error.message}\n${running.output}`);
  } finally {
    await running.stop();
  }
}

async function commandOf(wine, server, { path, place, counts }) {
  const settings = {
    IOCP_CALLS_FILE: wine.path(counts),
    // Where calls.dll is found.
    WINEPATH: wine.path(place),
    DENO_NO_UPDATE_CHECK: "1",
    ...server.runtime && { IOCP_LIBRARY: wine.path(path) },
    ...server.hidesWine && { IOCP_CALLS_HIDES_WINE: "1" },
  };
  const runtimes = await ensureWindowsRuntimes();
  const run = { deno: ["run", "-A", "--no-check"], bun: ["run"] };
  const { file, args, env } = server.runtime
    ? await wine.command(
      runtimes[server.runtime],
      [...run[server.runtime], wine.path(script), "echo"],
      { env: settings },
    )
    : await wine.command(path, ["echo"], { env: settings });
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ["/usr/bin/env", ...given, file, ...args];
}

async function readCounts(file, names) {
  const bytes = await readFile(file);
  return names.map((_, i) => Number(bytes.readBigUInt64LE(8 * i)));
}

function divide(each) {
  const select = (isSystem) =>
    Object.fromEntries(
      Object.entries(each).filter(([name]) => system.has(name) === isSystem),
    );
  const byName = select(true);
  const perMessage = Object.values(byName).reduce((a, b) => a + b, 0);
  return { method: "imports", perMessage, byName, others: select(false) };
}
