// Copyright the iocp authors. MIT license.

// Compiles the library for one target with `zig cc`. The same sources give the
// same bytes in every folder: all paths on the command line that could get into
// the file are relative to the folder of the sources, and in a fixed order.

import { existsSync } from "node:fs";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runOrThrow, zigEnvironment } from "../scripts/setup.js";

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

const common = [
  ...warnings,
  "-O2",
  "-DIOCP_BUILD",
  "-DNDEBUG",
  "-U_FORTIFY_SOURCE",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-ident",
  "-fno-sanitize=all",
  // Kept for the stack traces of crash reports.
  "-fasynchronous-unwind-tables",
  "-shared",
  "-s",
];

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
    link: ["-nostdlib", "-Wl,-e,DllMainCRTStartup", "-lkernel32", "-lws2_32"],
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
 * Builds a target from the folder `ffi` given into `output`, a file with the
 * name that the target has. With `work`, Zig keeps its objects there, so that
 * nothing that was compiled before is taken over.
 */
export async function compileLibrary(zig, target, folder, output, work) {
  const files = await sourceFiles(folder, target.system);
  if (files.length === 0) throw new Error(`no C files in ${folder}`);
  const scratch = await mkdtemp(join(tmpdir(), "iocp-link-"));
  const { define, compile, link } = bySystem[target.system];
  try {
    await mkdir(dirname(output), { recursive: true });
    const env = zigEnvironment();
    if (work) env.ZIG_LOCAL_CACHE_DIR = work;
    await runOrThrow(zig, [
      "cc",
      "-target",
      target.triple,
      ...common,
      ...includes(target.system),
      ...define,
      ...compile,
      ...(await exportFlags(zig, target, folder, scratch)),
      ...files,
      ...link,
      "-o",
      output,
    ], { cwd: folder, env });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function exportFlags(zig, target, folder, scratch) {
  if (target.system === "windows") {
    // `-nostdlib` takes the system's headers away together with its libraries.
    const headers = join(dirname(zig), "lib/libc/include/any-windows-any");
    return ["-isystem", headers, "iocp.def"];
  }
  const names = await exportNames(join(folder, "iocp.def"));
  const script = join(scratch, "exports.map");
  const list = names.map((name) => `${name};`).join(" ");
  await writeFile(script, `{ global: ${list} local: *; };\n`);
  return [`-Wl,--version-script=${script}`];
}
