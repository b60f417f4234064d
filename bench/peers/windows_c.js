// Copyright the iocp authors. MIT license.

// Compiles C for Windows: by mingw's gcc where the Debian folder has it, since
// Zig first spends minutes on compiling the C runtime.

import {
  describeEnd,
  ensureDebian,
  ensureZig,
  runOrThrow,
  zigEnvironment,
} from "../../scripts/setup.js";

const flags = [
  "-std=c11",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-O2",
  "-D_WIN32_WINNT=0x0A00",
];
const limits = { timeout: 600_000 };

/** Runs the compiler with these arguments, paths of this system. */
export async function compileForWindows(args) {
  const { debian } = await ensureDebian();
  if (!debian) {
    const target = ["-target", "x86_64-windows-gnu"];
    await runOrThrow(
      await ensureZig(),
      ["cc", ...target, ...flags, "-fno-sanitize=all", ...args],
      { env: zigEnvironment(), ...limits },
    );
    return;
  }
  const result = await debian.run(
    "x86_64-w64-mingw32-gcc-win32",
    [...flags, "-static-libgcc", ...args],
    limits,
  );
  if (!result.ok) throw new Error(`${result.output}${describeEnd(result)}`);
}
