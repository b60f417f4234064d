// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureZig, runOrThrow, zigEnvironment } from "../scripts/setup.js";

const names = ["pin", "floor", "load"];

/**
 * Compiles the C programs of the bench into a folder; returns their paths. A
 * program is one file, or all the files of a folder of its name, or both.
 */
export async function compilePrograms(folder) {
  const programs = {};
  for (const name of names) {
    programs[name] = join(folder, name);
    const sources = await sourcesOf(join(import.meta.dirname, name));
    await compileC(sources, programs[name]);
  }
  return programs;
}

/** Compiles C files into a program. */
export async function compileC(sources, program) {
  const zig = await ensureZig();
  await runOrThrow(zig, [
    "cc",
    "-std=c11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O2",
    "-fno-sanitize=all",
    ...sources,
    "-o",
    program,
    "-lm",
  ], { env: zigEnvironment() });
}

async function sourcesOf(path) {
  const names = existsSync(path) ? (await readdir(path)).sort() : [];
  const files = names.filter((name) => name.endsWith(".c"))
    .map((name) => join(path, name));
  return existsSync(`${path}.c`) ? [`${path}.c`, ...files] : files;
}
