// Copyright the iocp authors. MIT license.

// Judges mutants by tests: the C programs, and the suite in one cell. A test that
// fails is run again, so that one which fails by chance kills nothing.

import { copyFile, cp, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { buildInto } from "../../ffi/build.js";
import { compileLibrary, targetOf } from "../../ffi/compile.js";
import { compilePrograms, testPrograms } from "../c_program.js";
import { Report } from "../report.js";
import {
  argv,
  ensureZig,
  inTemporaryFolder,
  ownNetwork,
  runOrThrow,
} from "../setup.js";
import { suiteStage } from "../stages/suite.js";
import { openSystem } from "../system.js";
import { plant, worldsOf } from "./mutants.js";

const timeout = 120_000;
const skipCode = 77;
// Warnings are no errors here: a mutant may leave something unused.
const flags = ["-w"];

// Where a mutant is tested: on Linux, unless only Windows has its file.
function systemOf({ file }) {
  return worldsOf(file).at(-1);
}

/** `{ judge }`, as that of the simulation, by ffi/tests/test_*.c. */
export function cTestsStage({ root, base, jobs }) {
  const prepared = {};
  const prepare = async (system) => {
    const { reason, debian, run } = await openSystem(system);
    if (reason) throw new Error(reason);
    const folder = join(base, `c_${system}`);
    const target = targetOf(system);
    const library = join(base, `library_${system}`, target.file);
    await compileLibrary(await ensureZig(), target, join(root, "ffi"), library);
    const options = { system, library, folder, jobs, debian };
    const all = await compilePrograms(root, testPrograms(root), options);
    for (const { error } of all) if (error) throw error;
    return { programs: all.map(({ program }) => program), target, run };
  };
  const judge = (mutant) =>
    inTemporaryFolder("iocp-mutant-", async (folder) => {
      const system = systemOf(mutant);
      const tools = await (prepared[system] ??= prepare(system));
      const library = join(folder, tools.target.file);
      if (!await compileMutant(root, mutant, folder, tools.target, library)) {
        return { verdict: "invalid" };
      }
      const rule = await failingProgram(tools, folder);
      return rule === null
        ? { verdict: "survived" }
        : { verdict: "killed", by: "c", rule };
    });
  return { judge };
}

async function compileMutant(root, mutant, folder, target, library) {
  const ffi = join(folder, "ffi");
  for (const part of ["include", "src"]) {
    await cp(join(root, "ffi", part), join(ffi, part), { recursive: true });
  }
  await plant(join(root, "ffi"), ffi, mutant);
  return await compileLibrary(await ensureZig(), target, ffi, library, {
    flags,
  }).then(() => true, () => false);
}

// Programs are run beside the library of the mutant. One that has failed comes
// first the next time: it may see much.
async function failingProgram({ programs, run }, cwd) {
  const within = await ownNetwork();
  for (const program of [...programs]) {
    const own = join(cwd, basename(program));
    await copyFile(program, own);
    const fails = async () => {
      const { ok, code } = await run(own, [], { cwd, timeout, within });
      return !ok && code !== skipCode;
    };
    if (!await fails() || !await fails()) continue;
    programs.sort((a, b) => (b === program) - (a === program));
    return basename(program).replace(/\.exe$/, "");
  }
  return null;
}

/** The same by the suite in a cell of Deno, in a copy of the repository. */
export function suiteTestsStage({ root, jobs }) {
  const judge = (mutant) =>
    inTemporaryFolder("iocp-mutant-", async (folder) => {
      const { stdout } = await runOrThrow("git", ["ls-files"], { cwd: root });
      for (const name of stdout.trim().split("\n")) {
        await cp(join(root, name), join(folder, name));
      }
      await symlink(join(root, "node_modules"), join(folder, "node_modules"));
      await plant(join(root, "ffi"), join(folder, "ffi"), mutant);
      await buildInto(folder, { flags });
      const report = new Report();
      const cells = argv`deno-${systemOf(mutant)}`;
      await suiteStage({ report, root: folder, cells, jobs });
      return report.failed === 0
        ? { verdict: "survived" }
        : { verdict: "killed", by: "suite", rule: cells[0] };
    });
  return { judge };
}
