// Copyright the iocp authors. MIT license.

// Builds what a C program needs: headers, and for each system the shared and
// the static library, each for release and for debugging.
//
//   npm run build:c -- --output FOLDER [--target linux_x86_64]
//
//   FOLDER/include/            iocp.h, iocp_callback.h, iocp_error.h
//   FOLDER/linux_x86_64/MODE/  libiocp.so, libiocp.a
//   FOLDER/windows_x86_64/MODE/  iocp.dll, iocp.lib, iocp_static.lib
//
// MODE is release or debug. iocp.lib is the import library of the DLL.

import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureZig, repository } from "../scripts/setup.js";
import {
  compileArchive,
  compileLibrary,
  importLibrary,
  modes,
  targets,
} from "./compile.js";

/** The names of a system's libraries; `linked` is what a linker is given. */
export const products = {
  linux: { shared: "libiocp.so", linked: "libiocp.so", static: "libiocp.a" },
  windows: {
    shared: "iocp.dll",
    linked: "iocp.lib",
    static: "iocp_static.lib",
  },
};

/** Builds into `output` from a folder like the one this file is in. */
export async function buildForC(zig, ffi, output, chosen = targets) {
  await cp(join(ffi, "include"), join(output, "include"), { recursive: true });
  for (const target of chosen) {
    const names = products[target.system];
    for (const [name, mode] of Object.entries(modes)) {
      const folder = join(output, target.name, name);
      const shared = join(folder, names.shared);
      await compileLibrary(zig, target, ffi, shared, { mode });
      await compileArchive(zig, target, ffi, join(folder, names.static), {
        mode,
      });
      if (names.linked === names.shared) continue;
      await importLibrary(zig, ffi, join(folder, names.linked));
    }
  }
}

async function main() {
  const { values } = parseArgs({
    options: { output: { type: "string" }, target: { type: "string" } },
  });
  if (!values.output) throw new Error("say where to: --output FOLDER");
  const chosen = targets.filter(({ name }) => name === (values.target ?? name));
  if (chosen.length === 0) {
    const names = targets.map(({ name }) => name).join(", ");
    throw new Error(`no such target: ${values.target} (${names})`);
  }
  const output = resolve(values.output);
  await buildForC(await ensureZig(), join(repository, "ffi"), output, chosen);
  console.log(`built in ${output}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
