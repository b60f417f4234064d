// Copyright the iocp authors. MIT license.

import { dirname, join } from "node:path";
import { compileLibrary, targetOf } from "../../ffi/compile.js";
import { compilePrograms, runPrograms, testPrograms } from "../c_program.js";
import {
  ensureDebian,
  ensureWine,
  ensureZig,
  inTemporaryFolder,
  ownNetwork,
  run,
  testsAtOnce,
} from "../setup.js";
import { testExample } from "./example.js";

const timeout = 120_000;
const example = "example_echo";

/**
 * Every ffi/tests/test_*.c is a program that passes (0), is skipped (77) or
 * fails, linked with a library that is built from the sources as they are now.
 * After them comes ffi/examples/echo.c, `--filter example`.
 */
export async function cStage({ report, root, filter, jobs }) {
  const programs = testPrograms(root, filter);
  const withExample = example.includes(filter ?? "");
  if (programs.length === 0 && !withExample) {
    report.missing("c", "there is no test of that name", { allowed: filter });
    return;
  }
  for (const system of ["linux", "windows"]) {
    const name = `c ${system}`;
    const runner = await runnerFor(system);
    if (runner.reason) {
      report.missing(name, runner.reason);
      continue;
    }
    const context = { root, system, jobs, runner };
    if (programs.length !== 0) {
      await report.group(name, () => testAll(name, programs, context));
    }
    if (withExample) {
      await inTemporaryFolder(
        "iocp-example-",
        (scratch) => testExample(report, scratch, context),
      );
    }
  }
}

// How programs of a system are built and run here.
async function runnerFor(system) {
  const zig = await ensureZig();
  const within = await ownNetwork();
  const options = (program) => ({ cwd: dirname(program), timeout });
  const native = process.platform === "win32" ? "windows" : "linux";
  if (system === native) {
    return {
      zig,
      within,
      start: (program, args, more) =>
        run(program, args, { ...options(program), ...more }),
    };
  }
  if (system === "linux") {
    return { reason: "this is Windows: it cannot run here" };
  }
  const { wine, reason } = await ensureWine();
  if (!wine) return { reason };
  const { debian } = await ensureDebian();
  return {
    zig,
    within,
    debian,
    start: (program, args, more) =>
      wine.run(program, args, { ...options(program), ...more }),
  };
}

async function testAll(name, sources, { root, system, jobs, runner }) {
  const { zig, debian, within, start } = runner;
  return await inTemporaryFolder("iocp-c-", async (folder) => {
    const target = targetOf(system);
    const library = join(folder, target.file);
    await compileLibrary(zig, target, join(root, "ffi"), library);
    const compiled = await compilePrograms(root, sources, {
      ...{ system, library, folder, jobs, zig, debian },
    });
    return await runPrograms(
      name,
      compiled,
      await testsAtOnce(jobs),
      (program) => start(program, [], { within }),
    );
  });
}
