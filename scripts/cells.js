// Copyright the iocp authors. MIT license.

// The four cells: a runtime on a system. Windows has only its own, which need no
// Wine there.

import {
  bunPath,
  denoPath,
  ensureNodeModules,
  ensureWindowsRuntimes,
  ensureWine,
  run,
} from "./setup.js";

export const cellNames = [
  "deno-linux",
  "bun-linux",
  "deno-windows",
  "bun-windows",
];

// There are libraries for these alone; elsewhere there is no native cell.
const native = process.arch === "x64"
  ? { win32: "windows", linux: "linux" }[process.platform]
  : undefined;

/**
 * Prepares a cell; returns `{ cell, reason }`, where a cell has
 * `run(args, options)`, as `run` in setup/command.js, `runProgram(path, args,
 * options)` for a program of its system, and `path(path)`, a path of this
 * system as the cell sees it. A cell that is not available is null.
 */
export async function openCell(name) {
  if (!cellNames.includes(name)) {
    throw new Error(`no such cell: ${name} (${cellNames.join(", ")})`);
  }
  const [runtime, system] = name.split("-");
  if (system === native) return { cell: await nativeCell(name, runtime) };
  if (process.platform !== "linux" || native === undefined) {
    const here = `${process.platform} ${process.arch}`;
    return { cell: null, reason: `this is ${here}: it has no such cell` };
  }
  const { wine, reason } = await ensureWine();
  if (!wine) return { cell: null, reason };
  return { cell: await wineCell(name, runtime, wine) };
}

async function nativeCell(name, runtime) {
  await ensureNodeModules();
  const programs = { deno: denoPath(), bun: bunPath() };
  const path = (path) => path;
  return makeCell(name, runtime, programs, { path, run }, process.env);
}

async function wineCell(name, runtime, wine) {
  const programs = await ensureWindowsRuntimes();
  return makeCell(name, runtime, programs, wine, passed());
}

function makeCell(name, runtime, programs, system, base) {
  const env = {
    ...base,
    // The runtimes check for a newer version of themselves, and colour what
    // they print, unless these are set.
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
  // Tests that need the other runtime as well find both here.
  const partners = {
    IOCP_TEST_DENO: system.path(programs.deno),
    IOCP_TEST_BUN: system.path(programs.bun),
  };
  const runProgram = (path, args, options = {}) =>
    system.run(path, args, { ...options, env: { ...env, ...options.env } });
  return {
    name,
    runtime,
    system: name.split("-")[1],
    program: programs[runtime],
    path: (path) => system.path(path),
    run: (args, options = {}) =>
      runProgram(programs[runtime], args, {
        ...options,
        env: { ...partners, ...options.env },
      }),
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
