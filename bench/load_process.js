// Copyright the iocp authors. MIT license.

import { runOrThrow } from "../scripts/setup.js";

/**
 * Runs the load program on its core and returns its figures. `flags` are its
 * options by name, `command` is what `startup` starts.
 */
export async function runLoad(bench, kind, flags, command = []) {
  const [program, ...first] = loadLaunch(bench);
  const options = Object.entries(flags).flatMap((
    [name, value],
  ) => [`--${name}`, String(value)]);
  const { stdout } = await runOrThrow(program, [
    ...first,
    kind,
    ...options,
    ...(command.length > 0 ? ["--", ...command] : []),
  ], { timeout: bench.timeout });
  return JSON.parse(stdout);
}

/** What starts a program on the server's core. */
export function serverLaunch({ programs, cores, priority }) {
  return [programs.pin, String(cores.server), String(priority)];
}

/** What starts the load on its core. */
export function loadLaunch({ programs, cores, priority }) {
  return [programs.pin, String(cores.load), String(priority), programs.load];
}
