// Copyright the iocp authors. MIT license.

// The C tests with the library compiled into them, under the sanitizers of gcc:
// what is used after it was freed, read past its end, leaked, or undefined, and
// what two threads do at once, ends a test.

import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { definitions, includes, sourceFiles } from "../../ffi/compile.js";
import { runPrograms, sharedFiles, testPrograms } from "../c_program.js";
import { replayCorpora } from "../fuzz/replay.js";
import { compileObjects, runCompilers } from "../gcc.js";
import { argv, ensureDebian, inTemporaryFolder } from "../setup.js";

const timeout = 300_000;

// Only these have more than one thread.
const threaded =
  /^test_(callback_|threads|wait_wake|wrong_thread|delete|detach|local_file|share)/;

const sanitizers = [
  { name: "address, undefined", flag: "address,undefined", programs: /./ },
  { name: "thread", flag: "thread", programs: threaded },
];

// Some tests close a socket on one thread while the library looks at it on another,
// on purpose, and one opens the next socket with its number.
const suppressions = "race:host_socket_close\nrace:number_is_used_again_by\n";

/**
 * Every ffi/tests/test_*.c for Linux, under each sanitizer, and the corpus of
 * every fuzz target, `--filter fuzz`.
 */
export async function sanitizeStage({ report, root, filter, jobs }) {
  const all = testPrograms(root, filter);
  const { debian, reason } = await ensureDebian();
  if (!debian) return report.missing("sanitize: gcc", reason);
  for (const { name: title, flag, programs } of sanitizers) {
    const sources = all.filter((path) => programs.test(basename(path)));
    const name = `sanitize: ${title}`;
    const test = () => testUnder(name, flag, sources, { root, debian, jobs });
    const allowed = filter;
    if (sources.length > 0) await report.check(name, test);
    else report.missing(name, "there is no test of that name", { allowed });
  }
  await replayCorpora({ report, root, filter, jobs }, debian);
}

async function testUnder(name, flag, sources, { root, debian, jobs }) {
  return await inTemporaryFolder("iocp-sanitize-", async (folder) => {
    await writeFile(join(folder, "suppressions"), suppressions);
    const build = { root, debian, jobs, folder };
    const compiled = await compile(flag, sources, build);
    const env = { TSAN_OPTIONS: "suppressions=suppressions" };
    const start = (program, within) =>
      debian.run(program, [], { within, cwd: folder, timeout, env });
    return await runPrograms(name, compiled, jobs, start);
  });
}

// What all programs share is compiled once.
async function compile(flag, sources, { root, debian, jobs, folder }) {
  const ffi = join(root, "ffi");
  const flags = argv`-std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=${flag}
    -fno-sanitize-recover=undefined ${definitions("linux")} -DIOCP_STATIC
    -pthread ${includes("linux")} -Itests -Itests/shared`;
  const objects = join(folder, "objects");
  await mkdir(objects);
  const files = [...sourceFiles(ffi, "linux"), ...sharedFiles(root, "linux")];
  const build = { debian, ffi, jobs, folder: objects };
  await compileObjects(build, "gcc", files, flags);
  const programs = sources.map((source) => ({
    program: join(folder, basename(source, ".c")),
    source,
  }));
  const links = programs.map(({ program, source }) =>
    argv`gcc ${flags} ${source} ${objects}/*.o -o ${program}`
  );
  await runCompilers({ ...build, folder }, ...links);
  return programs;
}
