// Copyright the iocp authors. MIT license.

import { basename, dirname, join } from "node:path";
import { compileLibrary, targets } from "../../ffi/compile.js";
import { compileProgram, countProgram, testPrograms } from "../c_program.js";
import { detail, say } from "../report.js";
import {
  ensureDebian,
  ensureWine,
  ensureZig,
  inTemporaryFolder,
  run,
} from "../setup.js";
import { testExample } from "./example.js";

const timeout = 120_000;
const example = "example_echo";

/**
 * Every ffi/tests/test_*.c is a program that passes (0), is skipped (77) or
 * fails, linked with a library that is built from the sources as they are now.
 * After them comes ffi/examples/echo.c, `--filter example`.
 */
export async function cStage({ report, root, filter }) {
  const programs = await testPrograms(root, filter);
  const withExample = example.includes(filter ?? "");
  if (programs.length === 0 && !withExample) {
    report.missing("c", "there is no test of that name", { allowed: filter });
    return;
  }
  for (const system of ["linux", "windows"]) {
    const runner = await runnerFor(system);
    if (runner.reason) {
      report.missing(`c ${system}`, runner.reason, runner);
      continue;
    }
    if (programs.length !== 0) {
      await testSystem(report, root, system, programs, runner);
    }
    if (withExample) await testExampleOn(report, root, system, runner);
  }
}

// How programs of a system are built and run here.
async function runnerFor(system) {
  const zig = await ensureZig();
  const native = process.platform === "win32" ? "windows" : "linux";
  if (system === native) {
    return {
      zig,
      debian: null,
      start: (program, args, cwd, options) =>
        run(program, args, { cwd, timeout, ...options }),
    };
  }
  if (system === "linux") {
    return { reason: "this is Windows: it cannot run here", allowed: true };
  }
  const { wine, reason } = await ensureWine();
  if (!wine) return { reason };
  const { debian } = await ensureDebian();
  return {
    zig,
    debian,
    start: (program, args, cwd, options) =>
      wine.run(program, args, { cwd, timeout, ...options }),
  };
}

async function testSystem(report, root, system, programs, runner) {
  const started = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const name = `c ${system}`;
  try {
    await inTemporaryFolder(`iocp-c-${system}-`, async (scratch) => {
      say(`${name}: ${programs.length} programs ...`);
      const library = await buildLibrary(root, system, scratch, runner.zig);
      for (const source of programs) {
        const program = await compileProgram(root, source, {
          system,
          library,
          folder: join(scratch, basename(source, ".c")),
          ...runner,
        }).catch((error) => ({ error }));
        const result = program.error
          ? { code: 1, output: program.error.message }
          : await runner.start(program, [], dirname(program));
        countProgram(counts, `${name}: ${basename(source, ".c")}`, result);
      }
    });
  } catch (error) {
    counts.failed += 1;
    say(`${name}: FAILED`);
    detail(error.message);
  }
  report.group(name, counts, started);
}

async function testExampleOn(report, root, system, runner) {
  await inTemporaryFolder(
    `iocp-example-${system}-`,
    (scratch) => testExample(report, root, system, scratch, runner),
  );
}

async function buildLibrary(root, system, scratch, zig) {
  const target = targets.find((one) => one.system === system);
  const library = join(scratch, target.file);
  await compileLibrary(zig, target, join(root, "ffi"), library);
  return library;
}
