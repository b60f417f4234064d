// Copyright the iocp authors. MIT license.

// Compiles the simulation: the library and the workload, for one of its worlds.
// In that of Windows the engine's own files are compiled against the headers of
// the model and linked with it; in that of Linux, faults are injected between
// the engine and the kernel.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  definitions,
  filesIn,
  includes,
  sourceFiles,
  warnings,
  withoutRuntime,
} from "../../ffi/compile.js";
import { compileObjects, objectOf, runCompilers } from "../gcc.js";
import { argv } from "../setup.js";

// How it can be compiled: for speed, or for what a compiler finds.
const builds = {
  plain: { flags: ["-O2"] },
  address: {
    flags: argv`-O1 -fno-omit-frame-pointer -fsanitize=address,undefined
      -fno-sanitize-recover=undefined`,
  },
  // The model is what the threads of the library run on, and is not checked
  // itself: it reports where one thread hands something to another.
  thread: {
    flags: ["-O1", "-fno-omit-frame-pointer"],
    library: ["-fsanitize=thread"],
    model: ["-DMODEL_UNDER_TSAN"],
  },
  coverage: { flags: ["-O0"], library: ["--coverage"] },
  // For objects to compare: without the places of the sources, and whatever a
  // compiler has to say of code that a mutant does not reach.
  mutant: { flags: ["-O2", "-g0", "-w"] },
};

/**
 * Compiles into `folder`, from `ffi`, a folder like ffi/; returns the path of
 * the program, which runs in `debian`. With `base`, a folder that was compiled
 * into before, only the files in `changed` are compiled, which are in `folder`
 * instead of `ffi`.
 */
export async function compileSimulation(debian, ffi, folder, options) {
  const { world = "windows", build = "plain", jobs } = options;
  const { base, changed = [] } = options;
  const how = builds[build];
  if (!how || !["windows", "linux"].includes(world)) {
    throw new Error(`there is no simulation of ${world}, ${build}`);
  }
  await mkdir(folder, { recursive: true });
  const tools = { debian, ffi, folder, jobs };
  const objects = [];
  for (const { files, flags } of await partsOf(ffi, world, how)) {
    const all = argv`-std=c11 -g -DIOCP_STATIC ${warnings} ${how.flags}
      ${flags}`;
    const kept = files.filter((file) => base && !changed.includes(file));
    const compiled = files.filter((file) => !kept.includes(file))
      .map((file) => base ? join(folder, file) : file);
    objects.push(...kept.map((file) => objectOf(base, file)));
    objects.push(...await compileObjects(tools, "gcc", compiled, all));
  }
  const program = join(folder, `simulate_${world}_${build}`);
  const wraps = world === "linux" ? await wrapFlags(ffi) : [];
  const link = argv`gcc ${how.flags} ${how.library ?? []} ${objects} ${wraps}
    -pthread -o ${program}`;
  await runCompilers(tools, link);
  return program;
}

async function partsOf(ffi, world, build) {
  const isWindows = world === "windows";
  const system = isWindows
    ? ["-D_WIN32", "-Itests/model/include"]
    : definitions("linux");
  const library = sourceFiles(ffi, world);
  const simulation = filesIn(ffi, "tests/simulation", ".c");
  // The injected faults depend on how the engine marks its handles.
  const headers = isWindows ? ["-Iinclude"] : includes(world);
  const parts = [{
    // What the library for Windows has instead of a C runtime is tested by
    // itself: the sanitizers have their own.
    files: library.filter((file) => !withoutRuntime.includes(file)),
    flags: [...system, ...includes(world), ...build.library ?? []],
  }, {
    files: simulation
      .filter((name) => !isWindows || !name.endsWith("_linux.c")),
    flags: [...system, "-D_GNU_SOURCE", ...headers],
  }];
  if (isWindows) {
    parts.push({
      files: filesIn(ffi, "tests/model", ".c"),
      flags: argv`${system} -D_XOPEN_SOURCE=700 -Itests/simulation -Iinclude
        -Isrc ${build.model ?? []}`,
    });
  }
  return parts;
}

// The functions that are wrapped to inject faults.
async function wrapFlags(ffi) {
  const path = join(ffi, "tests", "simulation", "wrap_linux.txt");
  return (await readFile(path, "utf8")).trim().split(/\s+/);
}
