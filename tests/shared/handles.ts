// Copyright the iocp authors. MIT license.

import { readdirSync, statSync } from "node:fs";
import process from "node:process";
import { openLibrary } from "./ffi.ts";

/* Wine does not count handles. Under Wine the number of Linux file descriptors
 * of the process is used: each socket, port and file has one. */
const WINE_FOLDER = "Z:\\proc\\self\\fd";

/** Whether this is Wine. */
export const isWine: boolean = process.platform === "win32" && findWine();

function findWine(): boolean {
  try {
    return readdirSync(WINE_FOLDER).length > 0;
  } catch {
    return false;
  }
}

interface Kernel32 {
  GetCurrentProcess(): unknown;
  GetProcessHandleCount(process: unknown, count: Uint32Array): number;
}

function windowsCounter(): () => number {
  const kernel = openLibrary<Kernel32>("kernel32.dll", {
    GetCurrentProcess: { parameters: [], result: "pointer" },
    GetProcessHandleCount: {
      parameters: ["pointer", "buffer"],
      result: "i32",
    },
  });
  const count = new Uint32Array(1);
  return () => {
    kernel.GetProcessHandleCount(kernel.GetCurrentProcess(), count);
    return count[0]!;
  };
}

function folderCounter(folder: string): () => number {
  return () => readdirSync(folder).length;
}

function makeCounter(): () => number {
  if (process.platform === "linux") return folderCounter("/proc/self/fd");
  return isWine ? folderCounter(WINE_FOLDER) : windowsCounter();
}

/** How many handles this process has open. */
export const openHandles: () => number = makeCounter();

/** Whether this process has the file open. Only Linux tells, so elsewhere it is
 * always false. */
export function isOpen(path: string): boolean {
  if (process.platform !== "linux") return false;
  const { ino, dev } = statSync(path);
  return readdirSync("/proc/self/fd").some((name) => {
    const other = statSync(`/proc/self/fd/${name}`, { throwIfNoEntry: false });
    return other?.ino === ino && other.dev === dev;
  });
}
