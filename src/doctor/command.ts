// Copyright the iocp authors. MIT license.

import { nodeModule } from "../runtime/globals.ts";
import type { Host } from "../runtime/host.ts";

interface NodeChildProcess {
  execFile(
    file: string,
    args: readonly string[],
    options: { timeout: number; maxBuffer: number; windowsHide: boolean },
    callback: (error: unknown, stdout: string) => void,
  ): unknown;
}

const TIMEOUT_MS = 5_000;
const OUTPUT_MAX = 4 * 2 ** 20;

/** Runs a program of the system and returns what it prints; undefined when it
 * is missing, fails, or may not be run without asking the user. */
export function runCommand(
  host: Host,
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  if (host.permission({ name: "run" }) !== "granted") {
    return Promise.resolve(undefined);
  }
  const { execFile } = nodeModule<NodeChildProcess>("node:child_process");
  const options = {
    timeout: TIMEOUT_MS,
    maxBuffer: OUTPUT_MAX,
    windowsHide: true,
  };
  return new Promise((resolve) => {
    try {
      execFile(command, args, options, (error, stdout) => {
        resolve(error ? undefined : stdout);
      });
    } catch {
      resolve(undefined);
    }
  });
}
