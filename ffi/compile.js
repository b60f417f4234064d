// Copyright the iocp authors. MIT license.

// Compiles the library for one target with `zig cc`, shared or static, for use
// or for finding mistakes. The same sources give the
// same bytes in every folder: all paths on the command line that could get into
// the file are relative to the folder of the sources, and in a fixed order.

import { existsSync } from "node:fs";
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  inTemporaryFolder,
  runOrThrow,
  zigEnvironment,
} from "../scripts/setup.js";

/** What is built, in the order of SHA256SUMS. */
export const targets = [
  {
    name: "linux_x86_64",
    file: "libiocp.so",
    system: "linux",
    triple: "x86_64-linux-gnu.2.28",
  },
  {
    name: "windows_x86_64",
    file: "iocp.dll",
    system: "windows",
    triple: "x86_64-windows-gnu",
  },
];

/** Warnings are errors, for every compiler that is tried. */
export const warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"];

/**
 * All there is, to be tried by themselves: a build that is not ours may have a
 * compiler that knows still more.
 */
export const strictWarnings = {
  clang: [
    "-Weverything",
    // Of the layout of structs, which is as it should be.
    "-Wno-padded",
    // For other languages: C++, C before 1999 and C before 2011.
    "-Wno-implicit-void-ptr-cast",
    "-Wno-jump-misses-init",
    "-Wno-unsafe-buffer-usage",
    "-Wno-declaration-after-statement",
    "-Wno-pre-c11-compat",
    // Whether a number is whole is asked by comparing it.
    "-Wno-float-equal",
    // A switch over an enum has every value, which another warning watches.
    "-Wno-switch-default",
    // Zig itself passes some.
    "-Wno-unused-command-line-argument",
  ],
  gcc: [
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wcast-align",
    "-Wcast-qual",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wold-style-definition",
    "-Wredundant-decls",
    "-Wundef",
    "-Wunused-macros",
    "-Wformat=2",
    "-Wnull-dereference",
    "-Wduplicated-cond",
    "-Wduplicated-branches",
    "-Wwrite-strings",
    "-Wvla",
    "-Wpointer-arith",
    "-Wstrict-overflow=2",
    "-Wdouble-promotion",
    "-Wswitch-enum",
  ],
};

const common = [
  ...warnings,
  "-U_FORTIFY_SOURCE",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-ident",
  "-fno-sanitize=all",
  // Kept for the stack traces of crash reports.
  "-fasynchronous-unwind-tables",
];

/** What a library is built for. */
export const modes = {
  release: { compile: ["-O2", "-g0", "-DNDEBUG"], link: ["-s"] },
  // With the library's own assertions, debug_check().
  debug: {
    compile: [
      "-O0",
      "-g",
      // The other format of Windows writes down where each object was.
      "-gdwarf32",
      // Zig itself passes one on, with debug information for Windows.
      "-Wno-unused-command-line-argument",
    ],
    link: [],
  },
};

const bySystem = {
  linux: {
    define: ["-D_GNU_SOURCE"],
    compile: [
      "-fstack-protector-strong",
      "-fcf-protection=full",
    ],
    link: [
      "-Wl,-soname,libiocp.so",
      "-Wl,-z,relro",
      "-Wl,-z,now",
      "-Wl,-z,noexecstack",
      // Threads that end run code of the library: it must never be unmapped,
      // also not by a runtime that closes it.
      "-Wl,-z,nodelete",
      "-Wl,--gc-sections",
    ],
  },
  windows: {
    define: ["-D_WIN32_WINNT=0x0A00", "-DWIN32_LEAN_AND_MEAN"],
    compile: [
      // There is no C runtime; larger frames would call its stack probe.
      "-ffreestanding",
      "-Wframe-larger-than=2048",
    ],
    // What only a library without a C runtime needs.
    sharedOnly: ["src/windows/entry.c", "src/windows/string.c"],
    link: ["-Wl,-e,DllMainCRTStartup", "-lkernel32", "-lws2_32"],
  },
};

/** The macros that every C file for a system is compiled with. */
export function definitions(system) {
  return bySystem[system].define;
}

/** Where the library's own files find each other's headers, from `ffi`. */
export function includes(system) {
  return ["-Iinclude", "-Isrc", `-Isrc/${system}`];
}

/** The C files of a system, relative to the folder `ffi`, in a fixed order. */
export async function sourceFiles(folder, system) {
  const files = [];
  for (const part of ["src", `src/${system}`]) {
    if (!existsSync(join(folder, part))) continue;
    for (const name of await readdir(join(folder, part))) {
      if (name.endsWith(".c")) files.push(`${part}/${name}`);
    }
  }
  return files.sort();
}

/** The names in the `EXPORTS` part of a module definition file, sorted. */
export async function exportNames(definition) {
  const text = await readFile(definition, "utf8");
  const lines = text.split(/\r?\n/).map((line) =>
    line.replace(/;.*/, "").trim()
  );
  const start = lines.findIndex((line) => line.startsWith("EXPORTS"));
  if (start < 0) throw new Error(`no EXPORTS in ${definition}`);
  return lines.slice(start + 1).filter((line) => line !== "").sort();
}

/** The functions that the header declares, sorted. */
export async function declaredNames(header) {
  const text = await readFile(header, "utf8");
  const prototypes = text.matchAll(/^IOCP_API [^;()]*?\b(iocp_\w+)\(/gm);
  return [...prototypes].map((match) => match[1]).sort();
}

/**
 * The names that the library's own files know each other by, which a static
 * library would bring into the program: there they may mean something else.
 */
async function internalNames(folder, system) {
  const names = [];
  for (const part of ["src", `src/${system}`]) {
    for (const file of await readdir(join(folder, part))) {
      if (!file.endsWith(".h")) continue;
      const text = await readFile(join(folder, part, file), "utf8");
      const prototypes = text.matchAll(
        /^(?!static|typedef|#)[A-Za-z][\w *]*?\b(\w+)\([^{}]*?\);/gm,
      );
      names.push(...[...prototypes].map((match) => match[1]));
    }
  }
  return [...new Set([...names, "callback_thread_main"])].sort();
}

/**
 * Builds the static library of a target: as below, but into an archive. All
 * names in it begin with `iocp_`.
 */
export async function compileArchive(
  zig,
  target,
  folder,
  output,
  { mode = modes.release } = {},
) {
  const { sharedOnly = [] } = bySystem[target.system];
  const files = (await sourceFiles(folder, target.system))
    .filter((file) => !sharedOnly.includes(file));
  const names = await internalNames(folder, target.system);
  await inTemporaryFolder("iocp-archive-", async (scratch) => {
    const options = { cwd: folder, env: zigEnvironment() };
    const objects = [];
    for (const file of files) {
      const object = join(scratch, file.replaceAll("/", "_") + ".o");
      await runOrThrow(zig, [
        "cc",
        ...compileFlags(zig, target, folder, mode),
        "-DIOCP_STATIC",
        ...mode.link,
        ...names.map((name) => `-D${name}=iocp_internal_${name}`),
        "-c",
        file,
        "-o",
        object,
      ], options);
      objects.push(object);
    }
    await mkdir(dirname(output), { recursive: true });
    await rm(output, { force: true });
    await runOrThrow(zig, ["ar", "rcs", output, ...objects], options);
  });
}

/** Compiles every file by itself, and throws if clang has a word to say. */
export async function compileStrictly(zig, target, folder, mode) {
  await inTemporaryFolder("iocp-strict-", async (scratch) => {
    for (const file of await sourceFiles(folder, target.system)) {
      await runOrThrow(zig, [
        "cc",
        ...compileFlags(zig, target, folder, mode),
        "-DIOCP_BUILD",
        ...strictWarnings.clang,
        "-c",
        file,
        "-o",
        join(scratch, "object.o"),
      ], { cwd: folder, env: zigEnvironment() });
    }
  });
}

/** Makes what programs are linked with to use the DLL. */
export async function importLibrary(zig, folder, output) {
  await mkdir(dirname(output), { recursive: true });
  await runOrThrow(zig, [
    "dlltool",
    "-m",
    "i386:x86-64",
    "-d",
    join(folder, "iocp.def"),
    "-l",
    output,
  ], { env: zigEnvironment() });
}

/**
 * Builds a target from the folder `ffi` given into `output`, a file with the
 * name that the target has. With `work`, Zig keeps its objects there, so that
 * nothing that was compiled before is taken over.
 */
export async function compileLibrary(
  zig,
  target,
  folder,
  output,
  { work, mode = modes.release } = {},
) {
  const files = await sourceFiles(folder, target.system);
  if (files.length === 0) throw new Error(`no C files in ${folder}`);
  const { link } = bySystem[target.system];
  await inTemporaryFolder("iocp-link-", async (scratch) => {
    await mkdir(dirname(output), { recursive: true });
    const env = zigEnvironment();
    if (work) env.ZIG_LOCAL_CACHE_DIR = work;
    await runOrThrow(zig, [
      "cc",
      ...compileFlags(zig, target, folder, mode),
      "-DIOCP_BUILD",
      "-shared",
      ...mode.link,
      ...(await exportFlags(target, folder, scratch)),
      ...files,
      ...link,
      "-o",
      join(scratch, target.file),
    ], { cwd: folder, env });
    // Without what the linker has put beside it.
    await copyFile(join(scratch, target.file), output);
  });
}

function compileFlags(zig, target, folder, mode) {
  const { define, compile } = bySystem[target.system];
  const library = join(dirname(zig), "lib");
  // `-nostdlib` takes the system's headers away together with its libraries.
  const headers = join(library, "libc/include/any-windows-any");
  return [
    "-target",
    target.triple,
    ...common,
    ...mode.compile,
    // Debug information names files as they are seen from the sources.
    "-fdebug-compilation-dir=.",
    `-ffile-prefix-map=${folder}=.`,
    `-ffile-prefix-map=${library}=zig`,
    ...includes(target.system),
    ...define,
    ...compile,
    ...(target.system === "windows" ? ["-nostdlib", "-isystem", headers] : []),
  ];
}

async function exportFlags(target, folder, scratch) {
  if (target.system === "windows") return ["iocp.def"];
  const names = await exportNames(join(folder, "iocp.def"));
  const script = join(scratch, "exports.map");
  const list = names.map((name) => `${name};`).join(" ");
  await writeFile(script, `{ global: ${list} local: *; };\n`);
  return [`-Wl,--version-script=${script}`];
}
