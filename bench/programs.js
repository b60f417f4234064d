// Copyright the iocp authors. MIT license.

// The C programs of the bench.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureZig, runOrThrow, zigEnvironment } from "../scripts/setup.js";
import { folder as servers } from "./servers.js";

const load = join(import.meta.dirname, "load");

/** Compiles the load and the floor into a folder; returns their paths. */
export async function compilePrograms(folder) {
  const names = (await readdir(load)).filter((name) => name.endsWith(".c"));
  const sources = names.sort().map((name) => join(load, name));
  return {
    load: await compileC(sources, join(folder, "load")),
    floor: await compileC([join(servers, "floor.c")], join(folder, "floor")),
  };
}

/** Compiles C files into a program; returns its path. */
export async function compileC(sources, program) {
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"];
  const args = ["cc", ...flags, "-O2", "-fno-sanitize=all", ...sources];
  const options = { env: zigEnvironment() };
  await runOrThrow(await ensureZig(), [...args, "-o", program], options);
  return program;
}
