// Copyright the iocp authors. MIT license.

import { join } from "node:path";
import { check } from "../../ffi/build.js";
import {
  compileStrictly,
  definitions,
  includes,
  modes,
  sourceFiles,
  strictWarnings,
  targets,
  warnings,
} from "../../ffi/compile.js";
import { inspectCommitted } from "../../ffi/inspect.js";
import {
  describeEnd,
  ensureDebian,
  ensureZig,
  inTemporaryFolder,
} from "../setup.js";

/**
 * The committed libraries are what their sources give and what they must be,
 * other compilers have nothing to say against the sources, and musl loads the
 * Linux one.
 */
export async function nativeStage({ report, root }) {
  await report.check(
    "native: a rebuild gives the same bytes",
    () => check(root),
  );
  const zig = await ensureZig();
  for (const target of targets) {
    for (const [mode, flags] of Object.entries(modes)) {
      await report.check(
        `native: clang has no warning, ${target.system}, ${mode}`,
        async () => {
          await compileStrictly(zig, target, join(root, "ffi"), flags);
          return [];
        },
      );
    }
  }

  const { debian, reason } = await ensureDebian();
  const allowed = process.platform !== "linux";
  if (!debian) {
    report.missing("native: binutils, gcc and musl", reason, { allowed });
    return;
  }
  await report.check(
    "native: imports, exports, flags, size",
    () => inspectCommitted(debian, root),
  );
  for (const [system, gcc, extra] of compilers) {
    await report.check(
      `native: gcc has no warning, ${system}`,
      () => warningsOf(debian, gcc, system, extra, root),
    );
  }
  await report.check("native: loads on musl", () => loadOnMusl(debian, root));
}

const compilers = [
  ["linux", "gcc", ["-fPIC"]],
  ["windows", "x86_64-w64-mingw32-gcc-win32", [
    "-ffreestanding",
    "-Wframe-larger-than=2048",
  ]],
];

async function warningsOf(debian, gcc, system, extra, root) {
  const ffi = join(root, "ffi");
  const files = sourceFiles(ffi, system);
  if (files.length === 0) return [`no C files for ${system}`];
  const flags = [
    ...warnings,
    ...strictWarnings.gcc,
    ...definitions(system),
    ...extra,
    "-O2",
    "-DIOCP_BUILD",
    "-DNDEBUG",
    ...includes(system),
    "-fvisibility=hidden",
    "-S",
    "-o",
    "/dev/null",
  ];
  // Some warnings come only from the optimizer, so each file is compiled whole.
  const loop = `failed=0
    while [ "$1" != -- ]; do
      ${gcc} ${flags.join(" ")} "$1" || failed=1
      shift
    done
    exit $failed`;
  const args = ["-c", loop, "sh", ...files, "--"];
  const result = await debian.run("sh", args, { cwd: ffi, timeout: 600_000 });
  return result.ok ? [] : [result.output || describeEnd(result)];
}

async function loadOnMusl(debian, root) {
  return await inTemporaryFolder("iocp-musl-", async (scratch) => {
    const program = join(scratch, "load");
    const options = { cwd: join(root, "ffi"), timeout: 120_000 };
    const source = "tests/musl/load.c";
    const built = await debian.run("musl-gcc", [
      ...warnings,
      "-Iinclude",
      source,
      "-o",
      program,
    ], options);
    if (!built.ok) return [built.output];
    // The loader is named, so that no other one can be taken by mistake.
    const library = join(root, "ffi/prebuilt/linux_x86_64/libiocp.so");
    const loader = "/lib/ld-musl-x86_64.so.1";
    const ran = await debian.run(loader, [program, library], options);
    return ran.ok ? [] : [`${ran.output}${describeEnd(ran)}`];
  });
}
