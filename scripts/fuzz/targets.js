// Copyright the iocp authors. MIT license.

// The fuzz targets, and how they are built: with clang and libFuzzer to look
// for something new, with gcc and ffi/tests/fuzz/replay.c to run the corpus.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { definitions, includes, sourceFiles } from "../../ffi/compile.js";
import { compileObjects, runCompilers } from "../gcc.js";
import { argv } from "../setup.js";

const shared = ["tests/fuzz/fuzz.c", "tests/fuzz/environment.c"];

// What the library asks the system for goes through the target, which sets the
// clock, counts memory, and can refuse it.
const intercepted = argv`clock_gettime timerfd_settime mmap munmap malloc free`
  .map((name) => `-D${name}=fuzz_${name}`);

/** All paths are relative to `ffi`; `mutator` is what needs libFuzzer. */
export const targets = [
  {
    name: "fuzz_calls",
    sources: [
      ...shared,
      ...argv`helper model model_records calls_datagram calls_file calls_group calls_local calls_open calls_others calls_peer
        calls_port calls_share calls_socket calls_stream fuzz_calls`
        .map((name) => `tests/fuzz/${name}.c`),
    ],
    mutator: ["tests/fuzz/mutator.c"],
    lengthMax: 1024,
  },
  {
    name: "fuzz_callbacks",
    sources: [...shared, "tests/fuzz/fuzz_callbacks.c"],
    lengthMax: 512,
  },
];

/** All that is run again: the corpus, and what once was a mistake. */
export function foldersOf(root, target) {
  return ["corpus", "regressions"]
    .map((kind) => join(root, "ffi/tests/fuzz", kind, target.name));
}

const common = argv`-std=c11 -Wall -Wextra -Werror -g -O1
  -fno-omit-frame-pointer -fsanitize=address,undefined
  -fno-sanitize-recover=undefined -DIOCP_STATIC -pthread`;

/** How a target is built, and into what. */
export const builds = {
  // Only the library's own code counts as coverage.
  fuzz: {
    compiler: "clang-19",
    library: ["-fsanitize=fuzzer-no-link"],
    link: ["-fsanitize=fuzzer"],
    withMutator: true,
  },
  replay: {
    ...{ compiler: "gcc", library: [], link: ["tests/fuzz/replay.c"] },
  },
};

/**
 * Builds a target in `scratch`; returns the path of the program. The library is
 * compiled by the first target of a `scratch` only.
 */
export async function buildTarget(target, how, options) {
  const { debian, root, scratch, jobs } = options;
  const { compiler } = how;
  const ffi = join(root, "ffi");
  const flags = [...common, ...definitions("linux"), ...includes("linux")];
  const library = join(scratch, `library-${compiler}`);
  if (await mkdir(library, { recursive: true })) {
    const build = { debian, ffi, folder: library, jobs };
    const all = [...flags, ...how.library, ...intercepted];
    await compileObjects(build, compiler, sourceFiles(ffi, "linux"), all);
  }
  const program = join(scratch, `${target.name}-${compiler}`);
  const folder = `${program}.objects`;
  await mkdir(folder);
  const build = { debian, ffi, folder: scratch, jobs };
  const files = [...target.sources];
  if (how.withMutator) files.push(...target.mutator ?? []);
  const own = { ...build, folder };
  const objects = await compileObjects(own, compiler, files, flags);
  const link = argv`${compiler} ${flags} ${how.link} ${objects} ${library}/*.o
    -lm -o ${program}`;
  await runCompilers(build, link);
  return program;
}
