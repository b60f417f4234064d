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
import {
  copyFile,
  cp,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  builds,
  buildTarget,
  corpusOf,
  foldersOf,
  targets,
} from "./fuzz/targets.js";
import {
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
  fail(
    `no such target: ${name} (${targets.map((one) => one.name).join(", ")})`,
  );
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
  if (values.run) return await runAgain(program, scratch, resolve(values.run));
  return await fuzz(target, program, scratch);
}

async function build(target, how, scratch) {
  console.log(`${target.name}: building with ${how.compiler} ...`);
  return await buildTarget(debian, repository, target, how, scratch);
}

// Runs it inside; both its outputs come through `onStdout`.
async function start(program, args, scratch, options = {}) {
  const script = 'exec "$@" 2>&1';
  return await debian.run("sh", ["-c", script, "sh", program, ...args], {
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

async function fuzz(target, program, scratch) {
  const found = join(scratch, "found");
  await mkdir(found);
  for (const folder of foldersOf(repository, target)) {
    if (existsSync(folder)) await cp(folder, found, { recursive: true });
  }
  const before = new Set(await readdir(found));
  console.log(`${target.name}: ${before.size} inputs, ${seconds} s ...`);
  const { result, edges } = await search(target, program, scratch, found);
  const after = await readdir(found);
  const added = after.filter((name) => !before.has(name)).length;
  const statistic = (name) =>
    new RegExp(`stat::${name}: *(\\d+)`).exec(result.stdout)?.[1] ?? "?";
  console.log(
    `${target.name}: ${statistic("number_of_executed_units")} runs, ` +
      `${statistic("average_exec_per_sec")}/s, ${edges.first} -> ` +
      `${edges.last} of ${edges.total} edges of the library, ` +
      `${added} new inputs`,
  );
  if (!result.ok) return await keepCrash(target, program, scratch, result);
  if (values.merge) await merge(target, program, scratch, found);
  return true;
}

async function search(target, program, scratch, found) {
  const edges = { first: 0, last: 0, total: "?" };
  let rest = "";
  const result = await start(
    program,
    [
      `-max_total_time=${seconds}`,
      `-seed=${values.seed}`,
      `-max_len=${target.lengthMax}`,
      "-fork=0",
      "-len_control=0",
      "-timeout=20",
      "-rss_limit_mb=2048",
      "-reload=0",
      "-print_final_stats=1",
      `-artifact_prefix=${scratch}/`,
      found,
    ],
    scratch,
    {
      timeout: (seconds + 300) * 1000,
      onStdout(text) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        for (const line of lines) follow(line, edges);
      },
    },
  );
  return { result, edges };
}

// Notes what a line of libFuzzer's says, and shows how far it is.
function follow(line, edges) {
  const all = /\((\d+) inline 8-bit counters\)/.exec(line);
  if (all) edges.total = all[1];
  const covered = /^#\d.* cov: (\d+)/.exec(line);
  if (!covered) return;
  edges.last = Number(covered[1]);
  // What the corpus reaches by itself.
  if (line.includes("INITED")) edges.first = edges.last;
  if (/pulse|INITED|DONE/.test(line)) console.log(`  ${line}`);
}

// Saves it, makes it small, and says how it is repeated.
async function keepCrash(target, program, scratch, result) {
  const kept = join(tmpdir(), "iocp-fuzz", target.name);
  const crashes = (await readdir(scratch))
    .filter((name) => /^(crash|leak|timeout|oom)-/.test(name));
  console.log(result.stdout.split("\n").slice(-100).join("\n"));
  console.log(`${target.name}: FAILED: ${describeEnd(result)}`);
  await mkdir(kept, { recursive: true });
  for (const name of crashes) {
    const path = join(kept, name);
    await copyFile(join(scratch, name), path);
    const small = `${path}-small`;
    await start(
      program,
      [
        "-minimize_crash=1",
        "-runs=2000",
        "-max_total_time=60",
        `-exact_artifact_path=${small}`,
        path,
      ],
      scratch,
      { timeout: 180_000 },
    );
    for (const one of [path, small].filter((path) => existsSync(path))) {
      console.log(
        `saved ${one} (${(await stat(one)).size} bytes); again with:`,
      );
      console.log(`  npm run fuzz -- --target ${target.name} --run ${one}`);
    }
  }
  return false;
}

async function runAgain(program, scratch, file) {
  const folders = [scratch, dirname(file)];
  const result = await start(program, [file], scratch, { folders });
  console.log(result.stdout);
  if (!result.ok) console.log(`FAILED: ${describeEnd(result)}`);
  return result.ok;
}

// The fewest inputs that reach together what all of them do.
async function merge(target, program, scratch, found) {
  const corpus = corpusOf(repository, target);
  const fewest = join(scratch, "fewest");
  await mkdir(fewest);
  const result = await start(
    program,
    [
      "-set_cover_merge=1",
      `-max_len=${target.lengthMax}`,
      fewest,
      found,
    ],
    scratch,
    { timeout: 900_000 },
  );
  if (!result.ok) throw new Error(result.stdout.slice(-4000));
  await mkdir(dirname(corpus), { recursive: true });
  await rm(corpus, { recursive: true, force: true });
  // It may be on another file system, where a rename is refused.
  await rename(fewest, corpus).catch(() =>
    cp(fewest, corpus, { recursive: true })
  );
  let bytes = 0;
  const files = await readdir(corpus);
  for (const name of files) bytes += (await stat(join(corpus, name))).size;
  console.log(
    `${target.name}: ${relative(repository, corpus)} has ` +
      `${files.length} inputs, ${bytes} bytes`,
  );
}

async function showLines(target, scratch) {
  const program = await build(target, builds.lines, scratch);
  const profile = join(scratch, "profile");
  const folders = foldersOf(repository, target).filter((path) =>
    existsSync(path)
  );
  const replayed = await start(
    program,
    folders,
    scratch,
    {
      env: { LLVM_PROFILE_FILE: profile },
      timeout: 600_000,
    },
  );
  if (!replayed.ok) throw new Error(replayed.stdout.slice(-4000));
  const data = `${profile}.data`;
  const merged = await start("llvm-profdata-19", [
    "merge",
    profile,
    "-o",
    data,
  ], scratch);
  if (!merged.ok) throw new Error(merged.stdout);
  const report = await start("llvm-cov-19", [
    "report",
    program,
    `-instr-profile=${data}`,
    "-show-region-summary=false",
    "-show-branch-summary=false",
  ], scratch);
  console.log(report.stdout);
  return report.ok;
}
