// Copyright the iocp authors. MIT license.

// The explorer of thread orders, and the races that are planted for it.

import { races } from "../../ffi/tests/explorer/bugs.js";
import { inParallel } from "../parallel.js";
import { describeEnd, inTemporaryFolder } from "../setup.js";
import { plant } from "./bugs.js";
import { compileSimulation } from "./compile.js";
import { sanitizerOptions } from "./run.js";

const timeout = 3_600_000;

/** Explores with a program that was compiled; `options` are those of main.c. */
export async function runExplorer(debian, program, options, onStdout) {
  const args = ["preemptions", "scenario", "path", "seconds"]
    .filter((name) => options[name] !== undefined)
    .flatMap((name) => [`--${name}`, `${options[name]}`]);
  const env = sanitizerOptions("stdout");
  const result = await debian.run(program, args, { timeout, env, onStdout });
  return { ...result, output: result.output || describeEnd(result) };
}

/**
 * Plants each race, `jobs` at once in copies of what was compiled into `base`, and
 * calls `onFound` with each. Returns them with `rule`, which was broken, and the
 * `preemptions` that this took; 0: none was, or without any.
 */
export async function findRaces(debian, ffi, { base, jobs, onFound }) {
  const explores = true;
  const find = (race) =>
    inTemporaryFolder("iocp-race-", async (folder) => {
      const changed = await plant(ffi, folder, race);
      const how = { base, changed, jobs: 1, explores };
      const program = await compileSimulation(debian, ffi, folder, how);
      const { scenario } = race;
      const options = { scenario, preemptions: 3 };
      const { output } = await runExplorer(debian, program, options);
      const [, preemptions, rule] =
        /^FAILED: \w+, (\d) preemptions: (.*)$/m.exec(output) ?? [];
      return { ...race, preemptions: Number(preemptions ?? 0), rule };
    });
  return await inParallel(races, jobs, find, { report: onFound });
}

/** A line about a race that was planted. */
export function describeRace({ name, preemptions, rule }) {
  return preemptions === 0
    ? `${name}: NOT FOUND by preemptions${rule ? `: ${rule}` : ""}`
    : `${name}: ${preemptions} preemptions: ${rule}`;
}
