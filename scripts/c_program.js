// Copyright the iocp authors. MIT license.

// Compiles C programs that use the library: tests, and what tests talk to.

import { copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  definitions,
  filesIn,
  importLibrary,
  targetOf,
  warnings,
} from "../ffi/compile.js";
import { inParallel } from "./parallel.js";
import { say, sayFailure } from "./report.js";
import { argv, describeEnd, run } from "./setup/command.js";
import { ownNetwork, testsAtOnce } from "./setup/network.js";
import { ensureZig, zigEnvironment } from "./setup/zig.js";

const mingw = "x86_64-w64-mingw32-gcc-win32";
const skipCode = 77;
const timeout = 600_000;

export const systems = {
  linux: { suffix: "", compile: ["-pthread"], link: ["-Wl,-rpath,$ORIGIN"] },
  windows: {
    ...{ suffix: ".exe", compile: ["-D__USE_MINGW_ANSI_STDIO=1"] },
    link: ["-lws2_32", "-lpsapi"],
  },
};

/** The paths of ffi/tests/test_*.c, those with `filter` in their names. */
export function testPrograms(root, filter = "") {
  const ffi = join(root, "ffi");
  return filesIn(ffi, "tests", ".c").filter((name) =>
    name.startsWith("tests/test_") && name.includes(filter)
  ).map((name) => join(ffi, name));
}

/** The files of ffi/tests/shared that are for a system, relative to ffi. */
export function sharedFiles(root, system) {
  const other = system === "windows" ? "_linux.c" : "_windows.c";
  return filesIn(join(root, "ffi"), "tests/shared", ".c")
    .filter((name) => !name.endsWith(other));
}

/**
 * Runs the compiler of a system. Windows programs are compiled by mingw's gcc
 * where `debian` has it, since Zig first spends minutes on the C runtime.
 */
export async function compile(system, { debian, folders }, args) {
  const target = targetOf(system);
  const result = system === "windows" && debian
    ? await debian.run(mingw, [...args, "-static-libgcc"], { folders, timeout })
    : await run(
      ...[await ensureZig(), argv`cc -target ${target.triple} ${args}`],
      { env: zigEnvironment(), timeout },
    );
  if (!result.ok) throw new Error(result.output || describeEnd(result));
}

/**
 * Compiles each of `sources` with ffi/tests/shared, which is compiled once, into
 * a folder of its own, with `library` beside it. Returns `{ program, error }`
 * for each.
 */
export async function compilePrograms(root, sources, options) {
  const { system, library, folder, jobs, debian } = options;
  const flags = systems[system];
  const folders = [root, folder];
  const cc = (args) => compile(system, { debian, folders }, args);
  const object = async (source) => {
    const path = join(folder, `${basename(source)}.o`);
    await cc([
      ...warnings,
      ...definitions(system),
      ...flags.compile,
      ...argv`-O2 -I${root}/ffi/include -I${root}/ffi/tests
        -I${root}/ffi/tests/shared -c ${source} -o ${path}`,
    ]);
    return path;
  };
  await mkdir(folder, { recursive: true });
  const files = sharedFiles(root, system)
    .map((name) => join(root, "ffi", name));
  const shared = await inParallel(files, jobs, object);
  // Mingw's linker accepts a DLL; the one of Zig needs an import library.
  const imports = join(folder, "iocp.lib");
  const isImported = system === "windows" && !debian;
  if (isImported) {
    await importLibrary(await ensureZig(), join(root, "ffi"), imports);
  }
  return await inParallel(sources, jobs, async (source) => {
    const name = basename(source, ".c");
    const program = join(folder, name, name + flags.suffix);
    const beside = join(dirname(program), basename(library));
    try {
      await mkdir(dirname(program));
      await copyFile(library, beside);
      await cc([
        ...[await object(source), ...shared, isImported ? imports : beside],
        ...[...flags.compile, ...flags.link, "-o", program],
      ]);
      return { program };
    } catch (error) {
      return { program, error };
    }
  });
}

/**
 * Runs programs that were compiled, side by side, each in a network of its own by
 * `start(program, within)`, and counts how they end: 0 passed, 77 skipped, else
 * failed.
 */
export async function runPrograms(name, compiled, jobs, start) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const within = await ownNetwork();
  const runOne = ({ program, error }) =>
    error ? { code: 1, output: error.message } : start(program, within);
  const report = (result, { program }) => {
    const title = `${name}: ${basename(program).replace(/\.exe$/, "")}`;
    if (result.ok) counts.passed += 1;
    else if (result.code === skipCode) {
      counts.skipped += 1;
      say(`${title}: skipped: ${result.output.trim().split("\n").at(-1)}`);
    } else {
      counts.failed += 1;
      sayFailure(`${title}: FAILED (${describeEnd(result)})`, result.output);
    }
  };
  await inParallel(compiled, await testsAtOnce(jobs), runOne, { report });
  return counts;
}
