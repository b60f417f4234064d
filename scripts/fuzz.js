// Copyright the iocp authors. MIT license.

// `npm run fuzz`: looks for inputs that break a fuzz target, beginning with the
// corpus in the repository.
//
//   npm run fuzz -- --minutes 10          1 when left out
//   npm run fuzz -- --target fuzz_calls   one of scripts/fuzz/targets.js, else
//                                         all, one after the other
//   npm run fuzz -- --seed 7              libFuzzer's; each run has another one
//   npm run fuzz -- --merge               what was found and reaches more goes
//                                         into the corpus, which is made small
//   npm run fuzz -- --lines               which lines of the library the corpus
//                                         runs, and nothing else
//   npm run fuzz -- --run FILE            one input, again

import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  builds,
  buildTarget,
  corpusOf,
  foldersOf,
  targets,
} from "./fuzz/targets.js";
import { defaultJobs } from "./parallel.js";
import {
  argv,
  describeEnd,
  ensureDebian,
  inTemporaryFolder,
  repository,
} from "./setup.js";

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "0" },
    merge: { type: "boolean", default: false },
    lines: { type: "boolean", default: false },
    run: { type: "string" },
  },
});
const names = values.target ?? targets.map((target) => target.name);
const seconds = Math.ceil(Number(values.minutes) * 60);
if (!(seconds > 0)) fail(`--minutes is not a number: ${values.minutes}`);
for (const name of names) {
  if (targets.some((target) => target.name === name)) continue;
  fail(`no such target: ${name}`);
}
if (values.run && names.length !== 1) fail("--run needs --target");

const { debian, reason } = await ensureDebian("fuzz");
if (!debian) fail(`there is no libFuzzer: ${reason}`);

let isClean = true;
for (const name of names) {
  const target = targets.find((one) => one.name === name);
  await inTemporaryFolder(`iocp-${name}-`, async (scratch) => {
    isClean = await work(target, scratch) && isClean;
  });
}
process.exit(isClean ? 0 : 1);

function fail(message) {
  console.error(message);
  process.exit(2);
}

async function work(target, scratch) {
  if (values.lines) return await showLines(target, scratch);
  const program = await build(target, builds.fuzz, scratch);
  if (!values.run) return await fuzz(target, program, scratch);
  const file = resolve(values.run);
  const folders = [scratch, dirname(file)];
  const result = await start(program, [file], scratch, { folders });
  console.log(result.output);
  if (!result.ok) console.log(`FAILED: ${describeEnd(result)}`);
  return result.ok;
}

async function build(target, how, scratch) {
  console.log(`${target.name}: building with ${how.compiler} ...`);
  return await buildTarget(
    ...[debian, repository, target, how, scratch, defaultJobs],
  );
}

async function start(program, args, scratch, options = {}) {
  return await debian.run(program, args, {
    cwd: scratch,
    folders: [scratch],
    ...options,
    env: {
      ASAN_OPTIONS: "allocator_may_return_null=1",
      ASAN_SYMBOLIZER_PATH: "/usr/bin/llvm-symbolizer-19",
      ...options.env,
    },
  });
}

async function startOrThrow(program, args, scratch, options) {
  const result = await start(program, args, scratch, options);
  if (!result.ok) throw new Error(result.output.slice(-4000));
  return result;
}

async function fuzz(target, program, scratch) {
  const found = join(scratch, "found");
  await mkdir(found);
  for (const folder of foldersOf(repository, target).filter(existsSync)) {
    await cp(folder, found, { recursive: true });
  }
  const before = new Set(await readdir(found));
  console.log(`${target.name}: ${before.size} inputs, ${seconds} s ...`);
  const args = argv`-max_total_time=${seconds} -seed=${values.seed}
    -max_len=${target.lengthMax} -fork=0 -len_control=0 -timeout=20
    -rss_limit_mb=2048 -reload=0 -print_final_stats=1
    -artifact_prefix=${scratch}/ ${found}`;
  const timeout = (seconds + 300) * 1000;
  const result = await start(program, args, scratch, { timeout });
  const after = await readdir(found);
  const added = after.filter((name) => !before.has(name)).length;
  const first = (pattern) => pattern.exec(result.output)?.[1] ?? "?";
  console.log(
    `${target.name}: ${first(/executed_units: *(\d+)/)} runs, ` +
      `${first(/exec_per_sec: *(\d+)/)}/s, ` +
      `${first(/INITED cov: (\d+)/)} -> ${first(/DONE +cov: (\d+)/)} of ` +
      `${first(/\((\d+) inline 8-bit/)} edges of the library, ` +
      `${added} new inputs`,
  );
  if (!result.ok) return await saveCrash(target, program, scratch, result);
  if (values.merge) await merge(target, program, scratch, found);
  return true;
}

// Saves the input that failed, minimizes it, and prints how to repeat it.
async function saveCrash(target, program, scratch, result) {
  const saved = join(tmpdir(), "iocp-fuzz", target.name);
  const crashes = (await readdir(scratch))
    .filter((name) => /^(crash|leak|timeout|oom)-/.test(name));
  console.log(result.output.split("\n").slice(-100).join("\n"));
  console.log(`${target.name}: FAILED: ${describeEnd(result)}`);
  await mkdir(saved, { recursive: true });
  for (const name of crashes) {
    const path = join(saved, name);
    const small = `${path}-small`;
    await copyFile(join(scratch, name), path);
    const args = argv`-minimize_crash=1 -runs=2000 -max_total_time=60
      -exact_artifact_path=${small} ${path}`;
    await start(program, args, scratch, { timeout: 180_000 });
    for (const one of [path, small].filter(existsSync)) {
      console.log(`  npm run fuzz -- --target ${target.name} --run ${one}`);
    }
  }
  return false;
}

// The fewest inputs that reach together what all of them do.
async function merge(target, program, scratch, found) {
  const corpus = corpusOf(repository, target);
  const fewest = join(scratch, "fewest");
  await mkdir(fewest);
  const args = argv`-set_cover_merge=1 -max_len=${target.lengthMax} ${fewest}
    ${found}`;
  await startOrThrow(program, args, scratch, { timeout: 900_000 });
  await rm(corpus, { recursive: true, force: true });
  await cp(fewest, corpus, { recursive: true });
  const count = (await readdir(corpus)).length;
  console.log(`${target.name}: the corpus has ${count} inputs`);
}

async function showLines(target, scratch) {
  const program = await build(target, builds.lines, scratch);
  const profile = join(scratch, "profile");
  const folders = foldersOf(repository, target).filter(existsSync);
  await startOrThrow(program, folders, scratch, {
    env: { LLVM_PROFILE_FILE: profile },
    timeout: 600_000,
  });
  const merged = argv`merge ${profile} -o ${profile}.data`;
  await startOrThrow("llvm-profdata-19", merged, scratch);
  const args = argv`report ${program} -instr-profile=${profile}.data
    -show-region-summary=false -show-branch-summary=false`;
  console.log((await startOrThrow("llvm-cov-19", args, scratch)).stdout);
  return true;
}
