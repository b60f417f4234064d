// Copyright the iocp authors. MIT license.

import { join } from "node:path";
import { ensureZig, runOrThrow, zigEnvironment } from "../scripts/setup.js";

const names = ["pin", "floor", "load"];

/** Compiles the C programs of the bench into a folder; returns their paths. */
export async function compilePrograms(folder) {
  const zig = await ensureZig();
  const programs = {};
  for (const name of names) {
    programs[name] = join(folder, name);
    await runOrThrow(zig, [
      "cc",
      "-std=c11",
      "-D_GNU_SOURCE",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-O2",
      "-fno-sanitize=all",
      join(import.meta.dirname, `${name}.c`),
      "-o",
      programs[name],
    ], { env: zigEnvironment() });
  }
  return programs;
}
