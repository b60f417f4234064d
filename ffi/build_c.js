// Copyright the iocp authors. MIT license.

// Builds what C programs need, for each system:
//
//   npm run build:c -- --output FOLDER
//
//   FOLDER/include/              iocp.h and the headers it includes
//   FOLDER/linux_x86_64/MODE/    libiocp.so, libiocp.a
//   FOLDER/windows_x86_64/MODE/  iocp.dll, iocp.lib (for linking with the DLL),
//                                iocp_static.lib
//
// MODE is release or debug.

import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ensureZig, repository } from "../scripts/setup.js";
import {
  compileArchive,
  compileLibrary,
  importLibrary,
  modes,
  targets,
} from "./compile.js";

/** Builds into `output` from a folder like the one this file is in. */
export async function buildForC(zig, ffi, output, chosen = targets) {
  await cp(join(ffi, "include"), join(output, "include"), { recursive: true });
  for (const target of chosen) {
    for (const [name, mode] of Object.entries(modes)) {
      const path = (file) => join(output, target.name, name, file);
      await compileLibrary(zig, target, ffi, path(target.file), { mode });
      await compileArchive(zig, target, ffi, path(target.archive), mode);
      if (target.linked === target.file) continue;
      await importLibrary(zig, ffi, path(target.linked));
    }
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { output: { type: "string" } } });
  if (values.output) {
    const output = resolve(values.output);
    await buildForC(await ensureZig(), join(repository, "ffi"), output);
  } else {
    console.error("usage: npm run build:c -- --output FOLDER");
    process.exitCode = 2;
  }
}
