// Copyright the iocp authors. MIT license.

// Compiles the simulation, the library and the workload, for one of its worlds; or
// the explorer of thread orders, which has scenarios instead of the workload.
// In that of Windows the engine's own files are compiled against the headers of
// the model and linked with it; in that of Linux, faults are injected between
// the engine and the kernel.

import { existsSync } from "node:fs";
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

// What a function of the library leaves unwritten on its stack is not what an earlier
// call has left there, nor what a compiler may then assume: a mistake shows.
const unwritten = "-ftrivial-auto-var-init=pattern";

// The parts of the simulation that the explorer has as well.
const explored = ["tests/simulation/report.c", "tests/simulation/tape.c"];

/**
 * Compiles into `folder`, from `ffi`, a folder like ffi/; returns the path of
 * the program, which runs in `debian`. With `base`, a folder that was compiled
 * into before, only what is not there is compiled, and the files in `changed`,
 * which are in `folder` instead of `ffi`. With `explores`, it is the explorer,
 * for which `base` may be the simulation of Windows.
 */
export async function compileSimulation(debian, ffi, folder, options) {
  const { world = "windows", build = "plain", jobs, explores } = options;
  const { base, changed = [] } = options;
  const how = builds[build];
  if (!how || !["windows", "linux"].includes(world)) {
    throw new Error(`there is no simulation of ${world}, ${build}`);
  }
  await mkdir(folder, { recursive: true });
  const tools = { debian, ffi, folder, jobs };
  const objects = [];
  for (const { files, flags } of partsOf(ffi, world, how, explores)) {
    const all = argv`-std=c11 -g -DIOCP_STATIC ${warnings} ${how.flags}
      ${flags}`;
    const kept = files.filter((file) =>
      base && !changed.includes(file) && existsSync(objectOf(base, file))
    );
    const compiled = files.filter((file) => !kept.includes(file))
      .map((file) => changed.includes(file) ? join(folder, file) : file);
    objects.push(...kept.map((file) => objectOf(base, file)));
    objects.push(...await compileObjects(tools, "gcc", compiled, all));
  }
  const kind = explores ? "explore" : "simulate";
  const program = join(folder, `${kind}_${world}_${build}`);
  const wraps = await wrapFlags(ffi, world, explores);
  const link = argv`gcc ${how.flags} ${how.library ?? []} ${objects} ${wraps}
    -pthread -o ${program}`;
  await runCompilers(tools, link);
  return program;
}

/** The same for the simulation of a world without changes, unless it was compiled into
 * `folder` before. The explorer may have been, which is a part of it. */
export async function ensureSimulation(debian, ffi, folder, options) {
  const { world = "windows" } = options;
  const program = join(folder, `simulate_${world}_plain`);
  if (existsSync(program)) return program;
  return await compileSimulation(debian, ffi, folder, options);
}

function partsOf(ffi, world, build, explores) {
  const isWindows = world === "windows";
  const system = [
    ...isWindows ? ["-D_WIN32"] : definitions("linux"),
    ...isWindows || explores ? ["-Itests/model/include"] : [],
  ];
  const library = sourceFiles(ffi, world);
  const others = explores
    ? [...explored, ...filesIn(ffi, "tests/explorer", ".c")]
    : filesIn(ffi, "tests/simulation", ".c");
  // The injected faults depend on how the engine marks its handles.
  const headers = [
    ...isWindows ? ["-Iinclude"] : includes(world),
    ...explores ? argv`-Isrc -Itests/simulation -Itests/model` : [],
  ];
  const model = filesIn(ffi, "tests/model", ".c");
  return [{
    // What the library for Windows has instead of a C runtime is tested by
    // itself: the sanitizers have their own.
    files: library.filter((file) => !withoutRuntime.includes(file)),
    flags: [
      ...system,
      ...includes(world),
      unwritten,
      ...build.library ?? [],
    ],
  }, {
    files: others.filter((name) => !isWindows || !name.endsWith("_linux.c")),
    flags: [...system, "-D_GNU_SOURCE", ...headers],
  }, {
    files: isWindows
      ? model
      : explores
      ? model.filter((name) => name.endsWith("/fiber.c"))
      : [],
    flags: argv`${system} -D_XOPEN_SOURCE=700 -Itests/simulation -Iinclude
      -Isrc ${build.model ?? []}`,
  }];
}

// The functions that are wrapped to inject faults, or for the explorer.
async function wrapFlags(ffi, world, explores) {
  const folder = join(ffi, "tests", explores ? "explorer" : "simulation");
  const names = explores ? ["wrap"] : [];
  if (world === "linux") names.push("wrap_linux");
  const texts = await Promise.all(
    names.map((name) => readFile(join(folder, `${name}.txt`), "utf8")),
  );
  return texts.flatMap((text) => text.trim().split(/\s+/));
}
