// Copyright the iocp authors. MIT license.

// Runs a simulation that was compiled.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder } from "../setup.js";

// What a sanitizer finds ends the schedule, and is written where it can be read
// afterwards: schedules themselves are silent. The model is no part of what the
// thread sanitizer looks at, and so neither is what the model has libc do.
export function sanitizerOptions(log) {
  const ASAN_OPTIONS = `log_path=${log}`;
  const UBSAN_OPTIONS = `${ASAN_OPTIONS},print_stacktrace=1`;
  const own = "halt_on_error=1,ignore_interceptors_accesses=1";
  return {
    ASAN_OPTIONS,
    UBSAN_OPTIONS,
    TSAN_OPTIONS: `${ASAN_OPTIONS},${own}`,
  };
}

/** How many schedules of a world run at once on `cores`. On Linux they wait for the
 * kernel most of the time. */
export function schedulesAtOnce(world, cores) {
  return world === "linux" ? 16 * cores : cores;
}

async function firstLog(folder) {
  const [name] = (await readdir(folder)).sort();
  return name === undefined ? "" : await readFile(join(folder, name), "utf8");
}

/**
 * Runs `program` over seeds; `result` is what it says of itself, as JSON, and
 * the rest is that of `run` in setup/command.js.
 */
export async function runSimulation(debian, program, options) {
  const args = ["--seed", options.seed ?? "1", "--json"];
  for (const name of ["count", "seconds", "jobs", "shrink", "limit"]) {
    if (options[name] !== undefined) args.push(`--${name}`, options[name]);
  }
  if (options.trace) args.push("--trace");
  // The line that repeats a seed.
  const { world = "windows", build = "plain" } = options;
  const again = `npm run simulate -- --world ${world} --build ${build}`;
  args.push("--command", again);
  return await inTemporaryFolder("iocp-sanitizer-", async (folder) => {
    // The program ends a schedule that hangs by itself. How long a number of them
    // takes depends on the machine, and a million are to end.
    const { seconds } = options;
    const ended = await debian.run(program, args.map(String), {
      timeout: seconds === undefined ? undefined : (+seconds + 600) * 1000,
      onStdout: options.onOutput,
      folders: [folder],
      env: sanitizerOptions(join(folder, "log")),
    });
    const found = ended.ok ? "" : await firstLog(folder);
    if (found !== "") options.onOutput?.(found);
    const last = ended.output.trim().split("\n")
      .findLast((line) => line.startsWith("{"));
    const result = last === undefined ? null : JSON.parse(last);
    return { ...ended, output: ended.output + found, result };
  });
}
