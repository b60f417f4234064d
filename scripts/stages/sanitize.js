// Copyright the iocp authors. MIT license.

// The C tests with the library compiled into them, under the sanitizers of gcc:
// what is used after it was freed, read past its end, leaked, or undefined, and
// what two threads do at once, ends a test.

import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { definitions, includes, sourceFiles } from "../../ffi/compile.js";
import { countProgram, testPrograms } from "../c_program.js";
import { replayCorpora } from "../fuzz/replay.js";
import { detail, say } from "../report.js";
import { describeEnd, ensureDebian, inTemporaryFolder } from "../setup.js";

const timeout = 300_000;

// Threads meet in these only; the others have one, and would gain nothing.
const threaded =
  /^test_(callback_|threads|wait_wake|wrong_thread|delete|detach)/;

const sanitizers = [
  { name: "address, undefined", flag: "address,undefined", programs: /./ },
  { name: "thread", flag: "thread", programs: threaded },
];

// Some tests close a socket on one thread while the library looks at it on
// another, on purpose.
const suppressions = "race:host_socket_close\n";

/**
 * Every ffi/tests/test_*.c for Linux, under each sanitizer, and the corpus of
 * every fuzz target, `--filter fuzz`.
 */
export async function sanitizeStage({ report, root, filter }) {
  const all = await testPrograms(root, filter);
  const { debian, reason } = await ensureDebian();
  if (!debian) {
    const allowed = process.platform !== "linux";
    report.missing("sanitize: gcc", reason, { allowed });
    return;
  }
  for (const sanitizer of sanitizers) {
    const programs = all.filter((path) =>
      sanitizer.programs.test(basename(path))
    );
    const name = `sanitize: ${sanitizer.name}`;
    if (programs.length === 0) {
      report.missing(name, "there is no test of that name", {
        allowed: filter,
      });
      continue;
    }
    await testUnder(report, root, debian, { ...sanitizer, name, programs });
  }
  await replayCorpora({ report, root, filter }, debian);
}

async function testUnder(report, root, debian, { name, flag, programs }) {
  const started = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    await inTemporaryFolder("iocp-sanitize-", async (scratch) => {
      say(`${name}: ${programs.length} programs ...`);
      await writeFile(join(scratch, "suppressions"), suppressions);
      await compile(root, debian, flag, programs, scratch);
      for (const source of programs) {
        const program = basename(source, ".c");
        const result = await debian.run(join(scratch, program), [], {
          cwd: scratch,
          timeout,
          env: { TSAN_OPTIONS: "suppressions=suppressions" },
        });
        countProgram(counts, `${name}: ${program}`, result);
      }
    });
  } catch (error) {
    counts.failed += 1;
    say(`${name}: FAILED`);
    detail(error.message);
  }
  report.group(name, counts, started);
}

// What all programs share is compiled once.
async function compile(root, debian, flag, programs, scratch) {
  const ffi = join(root, "ffi");
  const flags = [
    "-std=c11",
    "-g",
    "-O1",
    "-fno-omit-frame-pointer",
    `-fsanitize=${flag}`,
    "-fno-sanitize-recover=undefined",
    ...definitions("linux"),
    "-DIOCP_STATIC",
    "-pthread",
    ...includes("linux"),
    "-Itests",
    "-Itests/shared",
  ].join(" ");
  const sources = (await sourceFiles(ffi, "linux")).join(" ");
  const names = programs.map((path) => basename(path, ".c")).join(" ");
  const script = `set -e
    mkdir "$1/objects"
    for source in ${sources} $(ls tests/shared/*.c | grep -v _windows); do
      gcc ${flags} -c "$source" -o "$1/objects/$(echo "$source" | tr / _).o"
    done
    for name in ${names}; do
      gcc ${flags} "tests/$name.c" "$1"/objects/*.o -o "$1/$name"
    done`;
  const built = await debian.run("sh", ["-c", script, "sh", scratch], {
    cwd: ffi,
    timeout: 600_000,
    folders: [scratch],
  });
  if (!built.ok) throw new Error(built.output || describeEnd(built));
}
