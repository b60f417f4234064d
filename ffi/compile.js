// Copyright the iocp authors. MIT license.

// Compiles the library for one target with `zig cc`, shared or static, for use
// or for debugging. The same sources give the same bytes in every folder: paths
// on the command line are relative to the sources, and in a fixed order.

import { readdirSync } from "node:fs";
import { copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defaultJobs, inParallel } from "../scripts/parallel.js";
import { argv, runOrThrow } from "../scripts/setup/command.js";
import { inTemporaryFolder } from "../scripts/setup/folder.js";
import { zigEnvironment } from "../scripts/setup/zig.js";

/**
 * What is built, in the order of SHA256SUMS. A program is linked with `linked`
 * to use the shared library `file`, or with `archive`. The sources are in
 * `folders`.
 */
export const targets = [
  {
    name: "linux_x86_64",
    system: "linux",
    triple: "x86_64-linux-gnu.2.28",
    file: "libiocp.so",
    linked: "libiocp.so",
    archive: "libiocp.a",
    folders: ["src", "src/callbacks", "src/posix", "src/linux"],
    define: ["-D_GNU_SOURCE"],
    compile: ["-fstack-protector-strong", "-fcf-protection=full"],
    // Never unmapped, even when a runtime closes it: threads run its code at
    // their end.
    link: argv`-Wl,-soname,libiocp.so -Wl,-z,relro -Wl,-z,now -Wl,-z,nodelete
      -Wl,-z,noexecstack -Wl,--gc-sections`,
  },
  {
    name: "windows_x86_64",
    system: "windows",
    triple: "x86_64-windows-gnu",
    file: "iocp.dll",
    linked: "iocp.lib",
    archive: "iocp_static.lib",
    folders: ["src", "src/callbacks", "src/windows"],
    define: ["-D_WIN32_WINNT=0x0A00", "-DWIN32_LEAN_AND_MEAN"],
    // There is no C runtime; larger frames would call its stack probe.
    compile: ["-ffreestanding", "-Wframe-larger-than=2048"],
    link: ["-Wl,-e,DllMainCRTStartup", "-lkernel32", "-lws2_32"],
  },
];

/** The target for a system. */
export function targetOf(system) {
  return targets.find((target) => target.system === system);
}

/** Warnings are errors, for every compiler that is tried. */
export const warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"];

/** Further warnings, which a compiler of a user's own build may know. */
export const strictWarnings = {
  // Without those of the layout of structs, for C++ and C before 2011, of floats
  // that are compared for equality, of a switch over an enum that lists every
  // value but has no default, and of flags that Zig passes.
  clang: argv`
    -Weverything -Wno-padded -Wno-implicit-void-ptr-cast -Wno-jump-misses-init
    -Wno-unsafe-buffer-usage -Wno-declaration-after-statement
    -Wno-pre-c11-compat -Wno-float-equal -Wno-switch-default
    -Wno-unused-command-line-argument`,
  gcc: argv`
    -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wredundant-decls -Wundef -Wunused-macros -Wformat=2 -Wnull-dereference
    -Wduplicated-cond -Wduplicated-branches -Wwrite-strings -Wvla
    -Wpointer-arith -Wstrict-overflow=2 -Wdouble-promotion -Wswitch-enum`,
};

// Unwind tables are for the stack traces of crash reports.
const common = argv`-U_FORTIFY_SOURCE -fPIC -fvisibility=hidden -fno-ident
  -fno-sanitize=all -fasynchronous-unwind-tables`;

/** What a library is built for; debug has the assertions of debug_check(). */
export const modes = {
  release: { compile: ["-O2", "-g0", "-DNDEBUG"], link: ["-s"] },
  // CodeView, the other debug format of Windows, has the paths of objects. Zig
  // passes a flag for it, which clang then does not use.
  debug: {
    compile: argv`-O0 -g -gdwarf32 -Wno-unused-command-line-argument`,
    link: [],
  },
};

/** The C files that only a library without a C runtime needs. */
export const withoutRuntime = ["src/windows/entry.c", "src/windows/string.c"];

/** The macros that every C file for a system is compiled with. */
export function definitions(system) {
  return targetOf(system).define;
}

/** Where the library's own files find each other's headers, from `ffi`. */
export function includes(system) {
  return ["include", ...targetOf(system).folders].map((path) => `-I${path}`);
}

/** The C files of a system, relative to the folder `ffi`, in a fixed order. */
export function sourceFiles(folder, system) {
  return targetOf(system).folders
    .flatMap((part) => filesIn(folder, part, ".c")).sort();
}

/** The files in a folder, as `part/name`, in a fixed order. */
export function filesIn(folder, part, suffix) {
  return readdirSync(join(folder, part)).sort()
    .filter((name) => name.endsWith(suffix)).map((name) => `${part}/${name}`);
}

/** What a pattern finds in the headers of some parts of `folder`, sorted. */
async function namesIn(folder, parts, pattern) {
  const names = new Set();
  for (const file of parts.flatMap((part) => filesIn(folder, part, ".h"))) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, name] of text.matchAll(pattern)) names.add(name);
  }
  return [...names].sort();
}

/** The functions that the headers in `folder`, one like ffi/, export. */
export async function exportNames(folder) {
  const prototype = /^IOCP_API [^;()]*?\b(iocp_\w+)\(/gm;
  return await namesIn(folder, ["include"], prototype);
}

/**
 * The functions that several of the library's files share. In a static library
 * they get a prefix, since a program may use the same names.
 */
async function internalNames(folder, { folders }) {
  const prototype =
    /^(?!static|typedef|#)[A-Za-z][\w *]*?\b(\w+)\([^{}]*?\);/gm;
  const names = await namesIn(folder, folders, prototype);
  return ["callback_thread_main", ...names];
}

/** Builds the static library of a target. All names in it begin with `iocp_`. */
async function compileArchive(zig, target, folder, output, mode) {
  const names = await internalNames(folder, target);
  const renames = names.map((name) => `-D${name}=iocp_internal_${name}`);
  const flags = compileFlags(zig, target, mode);
  const options = { cwd: folder, env: zigEnvironment() };
  await mkdir(dirname(output), { recursive: true });
  await inTemporaryFolder("iocp-archive-", async (scratch) => {
    const files = sourceFiles(folder, target.system)
      .filter((file) => !withoutRuntime.includes(file));
    const objects = await inParallel(files, defaultJobs, async (file) => {
      const object = join(scratch, `${file.replaceAll("/", "_")}.o`);
      const args = argv`cc ${flags} ${mode.link} -DIOCP_STATIC ${renames}
        -c ${file} -o ${object}`;
      await runOrThrow(zig, args, options);
      return object;
    });
    await rm(output, { force: true });
    await runOrThrow(zig, ["ar", "rcs", output, ...objects], options);
  });
}

/** Makes the import library, which programs are linked with to use the DLL. */
export async function importLibrary(zig, folder, output) {
  const names = await exportNames(folder);
  await mkdir(dirname(output), { recursive: true });
  await inTemporaryFolder("iocp-imports-", async (scratch) => {
    const definition = join(scratch, "iocp.def");
    const lines = ["LIBRARY iocp.dll", "EXPORTS", ...names];
    await writeFile(definition, `${lines.join("\n")}\n`);
    const args = argv`dlltool -m i386:x86-64 -d ${definition} -l ${output}`;
    await runOrThrow(zig, args, { env: zigEnvironment() });
  });
}

/**
 * Builds the shared library of a target from `folder`, one like ffi/, into the
 * file `output`. With `work`, Zig keeps its objects in that folder, so that
 * nothing compiled before is used; `flags` are further ones for the compiler.
 */
export async function compileLibrary(
  zig,
  target,
  folder,
  output,
  { work, mode = modes.release, flags = [] } = {},
) {
  const files = sourceFiles(folder, target.system);
  const env = zigEnvironment();
  if (work) env.ZIG_LOCAL_CACHE_DIR = work;
  await mkdir(dirname(output), { recursive: true });
  await inTemporaryFolder("iocp-link-", async (scratch) => {
    const linked = join(scratch, target.file);
    const args = argv`cc ${compileFlags(zig, target, mode)} ${flags}
      -DIOCP_BUILD -shared ${mode.link} ${files} ${target.link} -o ${linked}`;
    await runOrThrow(zig, args, { cwd: folder, env });
    // Without what the linker writes beside it.
    await copyFile(linked, output);
  });
}

/**
 * Builds what C programs need from `ffi`, a folder like the one this file is in:
 * the headers, and for each target and mode the shared and the static library.
 */
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

function compileFlags(zig, target, mode) {
  const library = join(dirname(zig), "lib");
  // `-nostdlib` removes the headers of the system together with its libraries.
  const headers = join(library, "libc/include/any-windows-any");
  const system = target.system === "windows"
    ? ["-nostdlib", "-isystem", headers]
    : [];
  // Debug information has the names of files relative to the sources. No flag
  // has a path of the checkout, so Zig need not compile again in another one.
  return argv`-target ${target.triple} ${warnings} ${common} ${mode.compile}
    ${target.compile} ${includes(target.system)} ${target.define} ${system}
    -fdebug-compilation-dir=. -ffile-prefix-map=${library}=zig`;
}
