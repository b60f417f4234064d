// Copyright the iocp authors. MIT license.

import { join } from "node:path";
import { check } from "../../ffi/build.js";
import {
  compileLibrary,
  definitions,
  includes,
  modes,
  sourceFiles,
  strictWarnings,
  targets,
  warnings,
} from "../../ffi/compile.js";
import { inspectCommitted } from "../../ffi/inspect.js";
import { runCompilers } from "../gcc.js";
import { once } from "../setup/cache.js";
import { argv, problemsOf } from "../setup/command.js";
import { ensureDebian } from "../setup/debian.js";
import { inTemporaryFolder } from "../setup/folder.js";
import { ensureZig } from "../setup/zig.js";

/**
 * The committed libraries are what their sources give and what they must be,
 * other compilers have no warning for the sources, and musl loads the Linux one.
 */
export async function nativeStage({ report, root, jobs }) {
  const ffi = join(root, "ffi");
  const zig = await ensureZig();
  // Warnings change no byte, so the release is built once for both checks.
  const rebuild = once(() => check(root, strictWarnings.clang));
  const checks = { "native: a rebuild gives the same bytes": rebuild };
  const clang = ({ system }) => `native: clang has no warning, ${system}`;
  for (const target of targets) {
    checks[`${clang(target)}, debug`] = () =>
      inTemporaryFolder("iocp-strict-", (folder) => {
        const options = { mode: modes.debug, flags: strictWarnings.clang };
        const output = join(folder, target.file);
        return compileLibrary(zig, target, ffi, output, options);
      });
  }
  const { debian, reason } = await ensureDebian();
  if (debian) {
    checks["native: imports, exports, flags, size"] = () =>
      inspectCommitted(debian, root);
    for (const [system, gcc, ...extra] of compilers) {
      checks[`native: gcc has no warning, ${system}`] = () =>
        compileWithGcc(debian, gcc, system, extra, { ffi, jobs });
    }
    checks["native: loads on musl"] = () => loadOnMusl(debian, ffi);
  }
  for (const target of targets) {
    checks[`${clang(target)}, release`] = async () => void await rebuild();
  }
  await report.checks(jobs, checks);
  if (!debian) report.missing("native: binutils, gcc and musl", reason);
}

const compilers = [
  argv`linux gcc -fPIC`,
  argv`windows x86_64-w64-mingw32-gcc-win32 -ffreestanding
    -Wframe-larger-than=2048`,
];

// Some warnings come only from the optimizer, so each file is compiled whole.
async function compileWithGcc(debian, gcc, system, extra, { ffi, jobs }) {
  const flags = argv`${warnings} ${strictWarnings.gcc} ${definitions(system)}
    ${extra} -O2 -DIOCP_BUILD -DNDEBUG ${includes(system)} -fvisibility=hidden`;
  const files = sourceFiles(ffi, system);
  if (files.length === 0) throw new Error(`no C files for ${system}`);
  const compile = (file) => [gcc, ...flags, "-S", file, "-o", "/dev/null"];
  const lines = files.map(compile);
  await runCompilers({ debian, ffi, folder: ffi, jobs }, ...lines);
}

async function loadOnMusl(debian, ffi) {
  return await inTemporaryFolder("iocp-musl-", async (scratch) => {
    const program = join(scratch, "load");
    const options = { cwd: ffi, timeout: 120_000 };
    const args = argv`${warnings} -Iinclude tests/musl/load.c -o ${program}`;
    const built = await debian.run("musl-gcc", args, options);
    if (!built.ok) return problemsOf(built);
    // The loader is named, so that it is certainly that of musl.
    const library = join(ffi, "prebuilt/linux_x86_64/libiocp.so");
    const loader = "/lib/ld-musl-x86_64.so.1";
    return problemsOf(await debian.run(loader, [program, library], options));
  });
}
