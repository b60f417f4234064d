// Copyright the iocp authors. MIT license.

// The C programs of the bench.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  cached,
  describeEnd,
  ensureDebian,
  ensureZig,
  runOrThrow,
  zigEnvironment,
} from "../scripts/setup.js";
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
  await runOrThrow(await ensureZig(), [...args, "-o", program, "-lm"], options);
  return program;
}

/* The library comes from its package, which is not installed, and is linked
 * statically, so that the program runs outside of the Debian folder as well. */
const script = `set -e
  cd "$2"
  apt-get download -qq libuv1-dev
  dpkg-deb -x libuv1-dev_*.deb package
  gcc -std=gnu11 -Wall -Wextra -Werror -O2 -Ipackage/usr/include "$1" \\
    -static package/usr/lib/x86_64-linux-gnu/libuv.a -pthread -o libuv
  rm -rf package libuv1-dev_*.deb`;

/** Builds the server on libuv, once for each version of its source. */
export async function buildLibuv() {
  const { debian, reason } = await ensureDebian();
  if (!debian) throw new Error(`libuv is from Debian: ${reason}`);
  const source = join(servers, "libuv.c");
  const hash = createHash("sha256").update(await readFile(source));
  const name = `bench-libuv-${hash.digest("hex").slice(0, 12)}`;
  const made = await cached(name, "the libuv server", async (partial) => {
    const args = ["-c", script, "sh", source, partial];
    const result = await debian.run("sh", args, { timeout: 300_000 });
    if (!result.ok) throw new Error(`${result.output}${describeEnd(result)}`);
  });
  return join(made, "libuv");
}
