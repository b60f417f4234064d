// Copyright the iocp authors. MIT license.

import { runOrThrow } from "../scripts/setup.js";

/**
 * Runs the load program on its core and returns its figures. `flags` are its
 * options by name, `command` is what `startup` starts.
 */
export async function runLoad(bench, kind, flags, command = []) {
  const { programs, cores, priority } = bench;
  const options = Object.entries(flags).flatMap((
    [name, value],
  ) => [`--${name}`, String(value)]);
  const { stdout } = await runOrThrow(programs.pin, [
    String(cores.load),
    String(priority),
    programs.load,
    kind,
    ...options,
    ...(command.length > 0 ? ["--", ...command] : []),
  ], { timeout: bench.timeout });
  return JSON.parse(stdout);
}

/** The command that runs another one on the server's core. */
export function onServerCore({ programs, cores, priority }, command) {
  return [programs.pin, String(cores.server), String(priority), ...command];
}
