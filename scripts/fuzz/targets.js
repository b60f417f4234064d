// Copyright the iocp authors. MIT license.

// The fuzz targets, and how they are built: with clang and libFuzzer to look
// for something new, with gcc and ffi/tests/fuzz/replay.c to run the corpus.

import { join } from "node:path";
import { definitions, includes, sourceFiles } from "../../ffi/compile.js";
import { describeEnd } from "../setup.js";

const shared = ["tests/fuzz/fuzz.c", "tests/fuzz/environment.c"];

// What the library asks the system for goes through the target, which then has
// the clock in its hand, counts memory, and can refuse it.
const intercepted = [
  "-Dclock_gettime=fuzz_clock_gettime",
  "-Dmmap=fuzz_mmap",
  "-Dmunmap=fuzz_munmap",
  "-Dmalloc=fuzz_malloc",
  "-Dfree=fuzz_free",
];

/**
 * All paths are relative to `ffi`. `sources`, `includes` and `defines` are the
 * target's, and `lengthMax` is that of an input. Those that may be left out:
 * `libraryDefines` are for the library's own files, which are those of Linux or
 * `librarySources`, and `mutator` is what needs libFuzzer.
 */
export const targets = [
  {
    name: "fuzz_calls",
    sources: [
      ...shared,
      "tests/fuzz/helper.c",
      "tests/fuzz/model.c",
      "tests/fuzz/model_records.c",
      "tests/fuzz/calls_group.c",
      "tests/fuzz/calls_open.c",
      "tests/fuzz/calls_peer.c",
      "tests/fuzz/calls_port.c",
      "tests/fuzz/calls_socket.c",
      "tests/fuzz/calls_stream.c",
      "tests/fuzz/fuzz_calls.c",
    ],
    mutator: ["tests/fuzz/mutator.c"],
    includes: [],
    defines: [],
    libraryDefines: intercepted,
    lengthMax: 1024,
  },
  {
    name: "fuzz_callbacks",
    sources: [...shared, "tests/fuzz/fuzz_callbacks.c"],
    includes: [],
    defines: [],
    libraryDefines: intercepted,
    lengthMax: 512,
  },
];

/** The folder of a target's corpus in a checkout. */
export function corpusOf(root, target) {
  return join(root, "ffi/tests/fuzz/corpus", target.name);
}

/** All that is run again: the corpus, and what once was a mistake. */
export function foldersOf(root, target) {
  return [
    corpusOf(root, target),
    join(root, "ffi/tests/fuzz/regressions", target.name),
  ];
}

const sanitizers = "-fsanitize=address,undefined";
const common = [
  "-std=c11",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-g",
  "-O1",
  "-fno-omit-frame-pointer",
  "-fno-sanitize-recover=undefined",
  "-DIOCP_STATIC",
  "-pthread",
];

/** How a target is built, and into what. */
export const builds = {
  // Only the library's own code counts as coverage.
  fuzz: {
    compiler: "clang-19",
    library: [sanitizers, "-fsanitize=fuzzer-no-link"],
    target: [sanitizers],
    link: ["-fsanitize=fuzzer"],
    withMutator: true,
  },
  replay: {
    compiler: "gcc",
    library: [sanitizers],
    target: [sanitizers],
    link: ["tests/fuzz/replay.c"],
  },
  lines: {
    compiler: "clang-19",
    library: ["-fprofile-instr-generate", "-fcoverage-mapping"],
    target: [],
    link: ["-fprofile-instr-generate", "tests/fuzz/replay.c"],
  },
};

/** Builds a target of a checkout; returns the path of the program. */
export async function buildTarget(debian, root, target, build, scratch) {
  const ffi = join(root, "ffi");
  const program = join(scratch, `${target.name}-${build.compiler}`);
  const flags = [...common, ...definitions("linux"), ...includes("linux")];
  const own = [...target.includes.map((one) => `-I${one}`), ...target.defines];
  const sources = [...target.sources];
  if (build.withMutator) sources.push(...target.mutator ?? []);
  const library = target.librarySources ?? await sourceFiles(ffi, "linux");
  const libraryDefines = target.libraryDefines ?? [];
  // Two files at a time, as machines have two processors at least.
  const script = `set -e
    objects="$1.objects"
    mkdir "$objects"
    for source in ${library.join(" ")}; do
      echo ${[build.compiler, ...flags, ...build.library].join(" ")} \\
        ${libraryDefines.join(" ")} -c "$source" \\
        -o "$objects/$(echo "$source" | tr / _).o"
    done > "$objects/commands"
    for source in ${sources.join(" ")}; do
      echo ${[build.compiler, ...flags, ...build.target, ...own].join(" ")} \\
        -c "$source" -o "$objects/$(echo "$source" | tr / _).o"
    done >> "$objects/commands"
    xargs -P 2 -I {} sh -c {} < "$objects/commands"
    ${[build.compiler, ...flags, ...build.target, ...build.link].join(" ")} \\
      "$objects"/*.o -lm -o "$1"`;
  const built = await debian.run("sh", ["-c", script, "sh", program], {
    cwd: ffi,
    timeout: 600_000,
    folders: [scratch],
  });
  if (!built.ok) throw new Error(built.output || describeEnd(built));
  return program;
}
