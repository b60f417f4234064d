// Copyright the iocp authors. MIT license.

// Zig, the one cross compiler, from its PyPI wheel: pinned by version and hash
// in ffi/toolchain.txt, so that every machine builds the same bytes.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, cacheFolder, repository } from "./cache.js";
import { argv, run, runOrThrow } from "./command.js";

const windows = process.platform === "win32";
const requirements = join(repository, "ffi", "toolchain.txt");

/** Installs the pinned Zig if it is missing; returns its program's path. */
export async function ensureZig() {
  const pin = /^ziglang==(\S+)/m.exec(await readFile(requirements, "utf8"));
  if (!pin) throw new Error(`no "ziglang==VERSION" in ${requirements}`);
  const name = `zig-${pin[1]}`;
  const folder = await cached(name, `Zig ${pin[1]}`, install);
  return join(folder, "ziglang", windows ? "zig.exe" : "zig");
}

async function install(folder) {
  const args = argv`-m pip install --quiet --disable-pip-version-check
    --no-compile --no-deps --only-binary=:all: --require-hashes
    --target ${folder} --requirement ${requirements}`;
  await runOrThrow(await python(), args);
}

async function python() {
  for (const name of ["python3", "python", "py"]) {
    const tried = await run(name, argv`-m pip --version`, { timeout: 60_000 });
    if (tried.ok) return name;
  }
  throw new Error("Zig is installed by pip: please install Python 3 with pip");
}

/**
 * The environment to run Zig in. Its compilation cache has a folder of its own:
 * the usual one may be read-only, or on a slow disk.
 */
export function zigEnvironment() {
  const cache = join(cacheFolder(), "zig-cache");
  const own = { ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
  return { ...process.env, ...own };
}
