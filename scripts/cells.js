// Copyright the iocp authors. MIT license.

// The four cells: a runtime on a system. On Windows the Linux ones are not to
// be had, and the Windows ones need no Wine.

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
 * Makes a cell ready; returns `{ cell, reason }`, where a cell has
 * `run(args, options)`, as `run` in setup/command.js, `runProgram(path, args,
 * options)` for a program of its system, and `path(path)`, a path of this
 * system as the cell sees it. A cell that cannot be had is null.
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
  const program = runtime === "deno" ? denoPath() : bunPath();
  const env = partners(denoPath(), bunPath());
  return {
    name,
    runtime,
    system: native,
    program,
    path: (path) => path,
    run: (args, options = {}) =>
      run(program, args, {
        ...options,
        env: { ...process.env, ...quiet, ...env, ...options.env },
      }),
    runProgram: (path, args, options = {}) =>
      run(path, args, {
        ...options,
        env: { ...process.env, ...quiet, ...options.env },
      }),
  };
}

async function wineCell(name, runtime, wine) {
  const programs = await ensureWindowsRuntimes();
  const env = partners(wine.path(programs.deno), wine.path(programs.bun));
  return {
    name,
    runtime,
    system: "windows",
    program: programs[runtime],
    path: (path) => wine.path(path),
    run: (args, options = {}) =>
      wine.run(programs[runtime], args, {
        ...options,
        env: { ...passed(), ...quiet, ...env, ...options.env },
      }),
    runProgram: (path, args, options = {}) =>
      wine.run(path, args, {
        ...options,
        env: { ...passed(), ...quiet, ...options.env },
      }),
  };
}

// Tests that need the other runtime as well find both here.
function partners(deno, bun) {
  return { IOCP_TEST_DENO: deno, IOCP_TEST_BUN: bun };
}

// The runtimes look for a newer version of themselves, and colour what they
// print, unless told not to.
const quiet = { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };

// Only these of our variables mean the same under Wine.
function passed() {
  const names = Object.keys(process.env).filter((name) =>
    name === "CI" || name.startsWith("IOCP_") && name !== "IOCP_DEV_CACHE"
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
