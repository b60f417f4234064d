// Copyright the iocp authors. MIT license.

// The four cells: a runtime on a system.

import { join } from "node:path";
import {
  argv,
  bunPath,
  denoPath,
  ensureNodeModules,
  ensureWindowsRuntimes,
  repository,
} from "./setup.js";
import { openSystem } from "./system.js";

export const cellNames = argv`deno-linux bun-linux deno-windows bun-windows`;

/** Arguments of Deno that precede those of a program. */
export const denoRun = argv`run --quiet --no-check --no-lock -A`;

/**
 * Prepares a cell; returns `{ cell, reason }`, where a cell has
 * `run(args, options)`, as `run` in setup/command.js, `runScript(path, args,
 * options)` for a file of the repository, `runProgram(path, args, options)` for
 * a program of its system, and `path(path)`, a path of this system as the cell
 * sees it. A cell that is not available is null.
 */
export async function openCell(name) {
  if (!cellNames.includes(name)) {
    throw new Error(`no such cell: ${name} (${cellNames.join(", ")})`);
  }
  const [runtime, system] = name.split("-");
  const { reason, debian, ...programs } = await openSystem(system);
  if (reason) return { cell: null, reason };
  if (debian) {
    const paths = await ensureWindowsRuntimes();
    return { cell: makeCell(name, runtime, paths, programs, passed()) };
  }
  await ensureNodeModules();
  const paths = { deno: denoPath(), bun: bunPath() };
  return { cell: makeCell(name, runtime, paths, programs, process.env) };
}

function makeCell(name, runtime, programs, system, base) {
  // The runtimes check for a newer version of themselves, and colour what they
  // print, unless these are set.
  const env = { ...base, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
  // Tests that need the other runtime as well find both here.
  const partners = {
    IOCP_TEST_DENO: system.path(programs.deno),
    IOCP_TEST_BUN: system.path(programs.bun),
  };
  const runProgram = (path, args, options = {}) =>
    system.run(path, args, { ...options, env: { ...env, ...options.env } });
  const own = (args, options = {}) => {
    const env = { ...partners, ...options.env };
    return runProgram(programs[runtime], args, { ...options, env });
  };
  const flags = runtime === "deno" ? denoRun : [];
  return {
    ...{ name, runtime, program: programs[runtime], flags },
    system: name.split("-")[1],
    path: (path) => system.path(path),
    run: own,
    runScript: (path, args, options) =>
      own([...flags, system.path(join(repository, path)), ...args], options),
    runProgram,
  };
}

// Only these variables mean the same under Wine.
function passed() {
  const names = Object.keys(process.env).filter((name) =>
    name === "CI" || name.startsWith("IOCP_") && name !== "IOCP_DEV_CACHE"
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
