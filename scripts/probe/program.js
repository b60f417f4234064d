// Copyright the iocp authors. MIT license.

// Builds ffi/probe with the pinned Zig, on any system, and runs it.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { definitions, filesIn, warnings } from "../../ffi/compile.js";
import { argv, runOrThrow } from "../setup/command.js";
import { ownNetwork } from "../setup/network.js";
import { ensureZig, zigEnvironment } from "../setup/zig.js";

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
 * Runs the program on `windows`, which is that of openSystem(). Returns its
 * Markdown and what it wrote as JSON, or throws when it could not run.
 */
export async function runProbe(windows, program, args = []) {
  const folder = dirname(program);
  const jsonName = `probe-${args.length}.json`;
  const options = { cwd: folder, timeout, within: await ownNetwork() };
  const all = [...args, "--json", jsonName];
  const { ok, output, stdout } = await windows.run(program, all, options);
  if (!ok) throw new Error(`the probe could not run: ${output.trim()}`);
  const json = await readFile(join(folder, jsonName), "utf8");
  return { markdown: stdout.replaceAll("\r", ""), json };
}
