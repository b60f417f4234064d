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
//   npm run fuzz -- --run FILE            one input, again

import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { builds, buildTarget, foldersOf, targets } from "./fuzz/targets.js";
import { defaultJobs } from "./parallel.js";
import { repository } from "./setup/cache.js";
import { argv, describeEnd } from "./setup/command.js";
import { ensureDebian } from "./setup/debian.js";
import { inTemporaryFolder } from "./setup/folder.js";
import { parseOptions } from "./setup/options.js";

const values = parseOptions(import.meta.filename, {
  target: { type: "string", multiple: true },
  minutes: { type: "string", default: "1" },
  seed: { type: "string", default: "0" },
  merge: { type: "boolean", default: false },
  run: { type: "string" },
});
const chosen = targets
  .filter(({ name }) => values.target?.includes(name) ?? true);
if (chosen.length === 0) fail(`no such target: ${values.target}`);
if (values.run && chosen.length !== 1) fail("--run needs --target");
const seconds = Math.ceil(Number(values.minutes) * 60);
if (!(seconds > 0)) fail(`--minutes is not a number: ${values.minutes}`);

const { debian, reason } = await ensureDebian("fuzz");
if (!debian) fail(`there is no libFuzzer: ${reason}`);

let isClean = true;
for (const target of chosen) {
  await inTemporaryFolder(`iocp-${target.name}-`, async (scratch) => {
    isClean = await work(target, scratch) && isClean;
  });
}
process.exit(isClean ? 0 : 1);

function fail(message) {
  console.error(message);
  process.exit(2);
}

async function work(target, scratch) {
  console.log(`${target.name}: building ...`);
  const build = { debian, root: repository, scratch, jobs: defaultJobs };
  const program = await buildTarget(target, builds.fuzz, build);
  if (!values.run) return await fuzz(target, program, scratch);
  const file = resolve(values.run);
  const options = { folders: [scratch, dirname(file)], show: true };
  const result = await start(program, [file], scratch, options);
  if (!result.ok) console.log(`FAILED: ${describeEnd(result)}`);
  return result.ok;
}

async function start(program, args, scratch, options) {
  const env = {
    ASAN_OPTIONS: "allocator_may_return_null=1",
    ASAN_SYMBOLIZER_PATH: "/usr/bin/llvm-symbolizer-19",
  };
  const all = { cwd: scratch, folders: [scratch], ...options, env };
  return await debian.run(program, args, all);
}

async function fuzz(target, program, scratch) {
  const found = join(scratch, "found");
  await mkdir(found);
  for (const folder of foldersOf(repository, target).filter(existsSync)) {
    await cp(folder, found, { recursive: true });
  }
  const before = (await readdir(found)).length;
  const saved = join(tmpdir(), "iocp-fuzz", target.name);
  await mkdir(saved, { recursive: true });
  const args = argv`-max_total_time=${seconds} -seed=${values.seed}
    -max_len=${target.lengthMax} -fork=0 -len_control=0 -timeout=20
    -rss_limit_mb=2048 -reload=0 -print_final_stats=1
    -artifact_prefix=${saved}/ ${found}`;
  const timeout = (seconds + 300) * 1000;
  const result = await start(program, args, scratch, { timeout, show: true });
  const added = (await readdir(found)).length - before;
  console.log(`${target.name}: ${before} inputs, and ${added} new ones`);
  if (!result.ok) {
    console.log(`${target.name}: FAILED: ${describeEnd(result)}`);
    console.log(`again: npm run fuzz -- --target ${target.name} --run FILE`);
    console.log(`FILE is in ${saved}`);
    return false;
  }
  if (values.merge) await merge(target, program, scratch, found);
  return true;
}

// The fewest inputs that reach together what all of them do.
async function merge(target, program, scratch, found) {
  const [corpus] = foldersOf(repository, target);
  const fewest = join(scratch, "fewest");
  await mkdir(fewest);
  const args = argv`-set_cover_merge=1 -max_len=${target.lengthMax} ${fewest}
    ${found}`;
  const result = await start(program, args, scratch, { timeout: 900_000 });
  if (!result.ok) throw new Error(result.output.slice(-4000));
  await rm(corpus, { recursive: true, force: true });
  await cp(fewest, corpus, { recursive: true });
  const count = (await readdir(corpus)).length;
  console.log(`${target.name}: the corpus has ${count} inputs`);
}
