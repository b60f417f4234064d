// Copyright the iocp authors. MIT license.

// Builds ffi/probe with the pinned Zig, on any system, and runs it: natively on
// Windows, elsewhere under Wine.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { definitions, filesIn, warnings } from "../../ffi/compile.js";
import {
  argv,
  ensureWine,
  ensureZig,
  ownNetwork,
  run,
  runOrThrow,
  zigEnvironment,
} from "../setup.js";

const timeout = 300_000;

/**
 * Builds the program in `folder` and returns its path. It has no C runtime,
 * which Zig would first spend minutes on.
 */
export async function buildProbe(ffi, folder) {
  const zig = await ensureZig();
  const options = { cwd: ffi, env: zigEnvironment(), timeout };
  const imports = join(folder, "ntdll.lib");
  const program = join(folder, "probe.exe");
  const headers = join(dirname(zig), "lib/libc/include/any-windows-any");
  const library = argv`dlltool -m i386:x86-64 -d probe/ntdll.def -l ${imports}`;
  await runOrThrow(zig, library, options);
  const args = argv`cc -target x86_64-windows-gnu ${warnings}
    ${definitions("windows")} -O2 -fno-sanitize=all -nostdlib
    -isystem ${headers} -Wl,-e,probe_main ${filesIn(ffi, "probe", ".c")}
    -lkernel32 -lws2_32 ${imports} -o ${program}`;
  await runOrThrow(zig, args, options);
  return program;
}

/**
 * How programs for Windows are run here: `{ start, isWine, reason }`, where a
 * reason says why they cannot be.
 */
export async function windowsRunner() {
  if (process.platform === "win32") return { start: run, isWine: false };
  const { wine, reason } = await ensureWine();
  if (!wine) return { reason };
  const start = (program, args, options) => wine.run(program, args, options);
  return { start, isWine: true };
}

/**
 * Runs the program that is in `folder` to its end. Returns its Markdown and
 * what it wrote as JSON, or throws when it could not run.
 */
export async function runProbe(runner, program, args = []) {
  const folder = dirname(program);
  const jsonName = `probe-${args.length}.json`;
  const result = await runner.start(
    program,
    [...args, "--json", jsonName],
    { cwd: folder, timeout, within: await ownNetwork() },
  );
  if (!result.ok) {
    throw new Error(`the probe could not run: ${result.output.trim()}`);
  }
  const json = await readFile(join(folder, jsonName), "utf8");
  return { markdown: result.stdout.replaceAll("\r", ""), json };
}
