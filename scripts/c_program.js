// Copyright the iocp authors. MIT license.

// Compiles C programs that use the library: tests, and what tests talk to.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { definitions, importLibrary, warnings } from "../ffi/compile.js";
import { detail, say } from "./report.js";
import { describeEnd, runOrThrow, zigEnvironment } from "./setup.js";

const skipCode = 77;

const triples = {
  linux: "x86_64-linux-gnu.2.28",
  windows: "x86_64-windows-gnu",
};

const flags = {
  linux: ["-pthread", "-Wl,-rpath,$ORIGIN"],
  windows: ["-D__USE_MINGW_ANSI_STDIO=1"],
};

const libraries = {
  linux: [],
  windows: ["-lws2_32", "-lpsapi"],
};

/** The paths of ffi/tests/test_*.c, those with `filter` in their names. */
export async function testPrograms(root, filter = "") {
  const folder = join(root, "ffi", "tests");
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names.filter((name) => /^test_.*\.c$/.test(name))
    .filter((name) => name.includes(filter)).sort()
    .map((name) => join(folder, name));
}

/**
 * Compiles `source` with ffi/tests/shared/*.c, where names that end in a
 * system's are only for that one, and returns the program's path. `library` is
 * put beside it. Windows programs are compiled by mingw's gcc where `debian`
 * has it, since Zig first spends minutes on compiling the C runtime.
 */
export async function compileProgram(
  root,
  source,
  { system, library, folder, zig, debian },
) {
  await mkdir(folder, { recursive: true });
  const beside = join(folder, basename(library));
  await copyFile(library, beside);
  const suffix = system === "windows" ? ".exe" : "";
  const program = join(folder, basename(source, ".c") + suffix);
  const args = [
    ...warnings,
    ...definitions(system),
    ...flags[system],
    "-O2",
    ...["include", "tests", "tests/shared"].map((name) =>
      `-I${join(root, "ffi", name)}`
    ),
    source,
    ...await sharedFiles(root, system),
    ...await linked(root, system, beside, { zig, debian }),
    ...libraries[system],
    "-o",
    program,
  ];
  const limits = { timeout: 600_000 };
  if (system === "windows" && debian) {
    const result = await debian.run(
      "x86_64-w64-mingw32-gcc-win32",
      [...args, "-static-libgcc"],
      { folders: [root, folder], ...limits },
    );
    if (!result.ok) throw new Error(result.output);
    return program;
  }
  await runOrThrow(zig, ["cc", "-target", triples[system], ...args], {
    env: zigEnvironment(),
    ...limits,
  });
  return program;
}

async function sharedFiles(root, system) {
  const folder = join(root, "ffi", "tests", "shared");
  if (!existsSync(folder)) return [];
  const other = system === "windows" ? "_linux.c" : "_windows.c";
  const names = (await readdir(folder)).sort();
  return names.filter((name) => name.endsWith(".c") && !name.endsWith(other))
    .map((name) => join(folder, name));
}

// Mingw's linker takes a DLL as it is; the one of Zig wants an import library.
async function linked(root, system, library, { zig, debian }) {
  if (system === "linux" || debian) return [library];
  const imports = join(dirname(library), "iocp.lib");
  await importLibrary(zig, join(root, "ffi"), imports);
  return [imports];
}

/** Counts how a test program has ended: 0 passed, 77 skipped, else failed. */
export function countProgram(counts, name, result) {
  if (result.code === 0) {
    counts.passed += 1;
  } else if (result.code === skipCode) {
    counts.skipped += 1;
    say(`${name}: skipped: ${result.output.trim().split("\n").at(-1)}`);
  } else {
    counts.failed += 1;
    say(`${name}: FAILED (${describeEnd(result)})`);
    detail(result.output);
  }
}
