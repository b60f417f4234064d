// Copyright the iocp authors. MIT license.

// Compiles the simulation: the library and the workload, for one of its worlds.
// In that of Windows the engine's own files are compiled against the headers of
// the model and linked with it; in that of Linux faults come in between.

import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  definitions,
  includes,
  sourceFiles,
  warnings,
} from "../../ffi/compile.js";
import { describeEnd, ensureDebian } from "../setup.js";

export const worldNames = ["windows", "linux"];

/** How it can be compiled: for speed, or for what a compiler finds. */
export const buildNames = ["plain", "address", "thread", "coverage"];

const builds = {
  plain: { flags: ["-O2"] },
  address: {
    flags: [
      "-O1",
      "-fno-omit-frame-pointer",
      "-fsanitize=address,undefined",
      "-fno-sanitize-recover=undefined",
    ],
  },
  // The model is what the threads of the library run on, and is not looked at
  // itself: it tells where one thread hands something to another.
  thread: {
    flags: ["-O1", "-fno-omit-frame-pointer"],
    link: ["-fsanitize=thread"],
    library: ["-fsanitize=thread"],
    model: ["-DMODEL_UNDER_TSAN"],
  },
  coverage: { flags: ["-O0"], link: ["--coverage"], library: ["--coverage"] },
};

// What the library for Windows has in the place of a C runtime is tested by
// itself, for the sanitizers have their own.
const withoutRuntime = ["src/windows/entry.c", "src/windows/string.c"];

/**
 * Compiles into `folder`, from `ffi`, a folder like ffi/; returns the path of
 * the program, which runs in `debian`. With `base`, a folder that was compiled
 * into before, only the files in `changed` are compiled anew.
 */
export async function compileSimulation(
  debian,
  ffi,
  folder,
  world,
  build,
  { base = folder, changed } = {},
) {
  const program = join(folder, `simulate_${world}_${build}`);
  const steps = await compileSteps(
    ffi,
    world,
    builds[build],
    (file) =>
      join(changed?.includes(file) ?? true ? folder : base, objectName(file)),
  );
  const todo = steps.filter(({ file }) => changed?.includes(file) ?? true);
  const wraps = world === "linux" ? await wrapFlags(ffi) : [];
  const link = [
    ...builds[build].flags,
    ...(builds[build].link ?? []),
    ...steps.map(({ object }) => object),
    ...wraps,
    "-pthread",
    "-o",
    program,
  ];
  const lines = todo.map(({ args }) => args.join(" ")).join("\n");
  await mkdir(folder, { recursive: true });
  const script = `set -e
    echo "$1" | xargs -P "$(nproc)" -L 1 gcc -c
    gcc $2`;
  const built = await debian.run(
    "sh",
    ["-c", script, "sh", lines, link.join(" ")],
    { cwd: ffi, timeout: 600_000, folders: [folder, ffi] },
  );
  if (!built.ok) throw new Error(built.output || describeEnd(built));
  return program;
}

function objectName(file) {
  return `${file.replaceAll("/", "_")}.o`;
}

/** The Debian that has the compiler, or null and why there is none. */
export function ensureCompiler() {
  return ensureDebian();
}

async function compileSteps(ffi, world, build, objectOf) {
  const common = [
    "-std=c11",
    "-g",
    "-DIOCP_STATIC",
    ...warnings,
    ...build.flags,
  ];
  const library = (await sourceFiles(ffi, world)).filter((file) =>
    !withoutRuntime.includes(file)
  );
  const parts = [{
    files: library,
    flags: [
      ...systemFlags(world),
      ...includes(world),
      ...(build.library ?? []),
    ],
  }, {
    files: await simulationFiles(ffi, world),
    flags: [
      ...systemFlags(world),
      "-D_GNU_SOURCE",
      // The faults are told of how the engine marks its handles.
      ...(world === "linux" ? includes(world) : ["-Iinclude"]),
    ],
  }];
  if (world === "windows") {
    parts.push({
      files: await files(ffi, "tests/model"),
      flags: [
        ...systemFlags(world),
        "-D_XOPEN_SOURCE=700",
        "-Itests/simulation",
        "-Iinclude",
        "-Isrc",
        ...(build.model ?? []),
      ],
    });
  }
  return parts.flatMap(({ files, flags }) =>
    files.map((file) => {
      const object = objectOf(file);
      return { file, object, args: [...common, ...flags, file, "-o", object] };
    })
  );
}

function systemFlags(world) {
  if (world === "linux") return definitions("linux");
  return ["-D_WIN32", "-Itests/model/include"];
}

async function files(ffi, part) {
  const names = (await readdir(join(ffi, part))).sort();
  return names.filter((name) => name.endsWith(".c"))
    .map((name) => `${part}/${name}`);
}

async function simulationFiles(ffi, world) {
  const all = await files(ffi, "tests/simulation");
  return all.filter((name) => world === "linux" || !name.endsWith("_linux.c"));
}

// The functions between which and the library the faults come.
async function wrapFlags(ffi) {
  const path = join(ffi, "tests", "simulation", "wrap_linux.txt");
  return (await readFile(path, "utf8")).trim().split(/\s+/);
}
