// Copyright the iocp authors. MIT license.

import { dirname, join } from "node:path";
import { compileLibrary, targetOf } from "../../ffi/compile.js";
import { compilePrograms, runPrograms, testPrograms } from "../c_program.js";
import { ensureZig, inTemporaryFolder } from "../setup.js";
import { openSystem } from "../system.js";
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
    const allowed = filter;
    return report.missing("c", "there is no test of that name", { allowed });
  }
  for (const system of ["linux", "windows"]) {
    const name = `c ${system}`;
    const { reason, debian, run } = await openSystem(system);
    if (reason) {
      report.missing(name, reason);
      continue;
    }
    const start = (program, args, options) =>
      run(program, args, { cwd: dirname(program), timeout, ...options });
    const context = { root, system, jobs, debian, start };
    if (programs.length !== 0) {
      await report.check(name, () => testAll(name, programs, context));
    }
    if (withExample) {
      const test = (scratch) => testExample(report, scratch, context);
      await inTemporaryFolder("iocp-example-", test);
    }
  }
}

async function testAll(name, sources, context) {
  const { root, system, jobs, debian, start } = context;
  return await inTemporaryFolder("iocp-c-", async (folder) => {
    const target = targetOf(system);
    const library = join(folder, target.file);
    await compileLibrary(await ensureZig(), target, join(root, "ffi"), library);
    const options = { system, library, folder, jobs, debian };
    const compiled = await compilePrograms(root, sources, options);
    const startOne = (program, within) => start(program, [], { within });
    return await runPrograms(name, compiled, jobs, startOne);
  });
}
