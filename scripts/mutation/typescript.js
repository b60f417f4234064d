// Copyright the iocp authors. MIT license.

// `npm run mutate:ts`: how many small changes of `src/` (mutants) the tests
// notice. The copy of the checkout has all of them, and a process uses one. So a
// mutant costs one start of Bun for each test file that reaches it, in the order of
// typescript.json, until a test fails.
//
//   npm run mutate:ts -- --file src/socket/fifo.ts    a file or folder; else all
//   npm run mutate:ts -- --most 40       of each file, spread evenly; else all
//   npm run mutate:ts -- --jobs 1        at once
//
// Mutants that were killed are not run again while their file is the same, unless
// the folder killed-mutants is removed from the developer cache.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { markdownTable } from "markdown-table";
import { defaultJobs, inParallel } from "../parallel.js";
import * as setup from "../setup.js";
import { copyWithMutants } from "./copy.js";

/* How much longer than without a mutant a test file may take, on a busy machine. */
const LIMIT_MS = 10_000;
const HEAD = [
  "File",
  "Mutants",
  "Killed",
  "Score",
  "By time",
  "Explained",
  "Left",
];

const values = setup.parseOptions(import.meta.filename, {
  file: { type: "string", multiple: true, default: ["src/"] },
  most: { type: "string", default: "1e9" },
  jobs: { type: "string", default: String(defaultJobs) },
});
await setup.ensureNodeModules();
const plan = join(setup.repository, "scripts", "mutation", "typescript.json");
const { tests, explained } = await json(plan);
const memory = join(setup.cacheFolder(), "killed-mutants");
await mkdir(memory, { recursive: true });
/* How often each test file would use each mutant. */
const counts = new Map();
await setup.inTemporaryFolder("iocp-mutants-", async (folder) => {
  const isPlanned = (name) => testsOf(name).length > 0;
  const files = await copyWithMutants(folder, values.file, isPlanned);
  const rows = [];
  for (const file of files) rows.push(await judgeFile(folder, file));
  const sum = rows.reduce((all, row) => all.map((n, i) => n + row[i]));
  const total = ["all", ...sum.slice(1)];
  console.log(`\n${markdownTable([HEAD, ...[...rows, total].map(withScore)])}`);
});

async function json(path) {
  return JSON.parse(await readFile(path, "utf8"));
}

function withScore([name, count, killed, ...rest]) {
  const score = `${(100 * killed / count).toFixed(1)} %`;
  return [name, count, killed, score, ...rest].map(String);
}

/* The test files for a file of the module: narrow ones, then wider ones. */
function testsOf(name) {
  const prefixes = Object.keys(tests).filter((one) => name.startsWith(one))
    .sort((a, b) => b.length - a.length);
  return [...new Set(prefixes.flatMap((prefix) => tests[prefix]))];
}

/* Judges the mutants of a file, and prints those that are left without a reason. */
async function judgeFile(folder, { name, content, mutants }) {
  const key = createHash("sha256").update(content).digest("hex");
  const path = join(memory, `${key}.json`);
  const known = new Set(await json(path).catch(() => []));
  const every = Math.max(1, mutants.length / Number(values.most));
  const chosen = mutants.filter((_, i) => Math.floor(i % every) === 0);
  const row = [name, chosen.length, 0, 0, 0, 0];
  const judge = async (mutant) => known.has(mutant.text) || await end(mutant);
  const end = (mutant) => endOf(folder, testsOf(name), mutant);
  await inParallel(chosen, Number(values.jobs), judge, {
    report: (end, { text, line, change }) => {
      const isKilled = end === true || end === "killed" || end === "times out";
      /* A reason is for one change of a line, or for all that are left of it. */
      const reason = explained.find((one) =>
        one.file === name && one.line === line &&
        (one.change ?? change) === change
      );
      row[isKilled ? 2 : reason ? 4 : 5]++;
      if (end === "times out") row[3]++;
      else if (isKilled) {
        writeFileSync(path, JSON.stringify([...known.add(text)]));
      } else if (!reason) console.log(`${name}:${text} (${end})`);
    },
  });
  console.log(withScore(row).join(" "));
  return row;
}

async function endOf(folder, names, { id }) {
  let end = "not reached";
  for (const test of names) {
    if (!counts.has(test)) counts.set(test, countsOf(folder, test));
    const { uses: { [id]: count }, limit } = await counts.get(test);
    if (count === undefined) continue;
    const env = {
      __STRYKER_ACTIVE_MUTANT__: id,
      /* With so many uses it does not end. */
      IOCP_MUTANT_HITS: String(10_000 + 100 * count),
    };
    let result = await runTest(folder, test, env, limit);
    /* The machine may have been stopped. */
    if (result.timedOut) result = await runTest(folder, test, env, limit);
    if (!result.ok) return result.timedOut ? "times out" : "killed";
    end = "survives";
  }
  return end;
}

function runTest(folder, test, env, timeout) {
  const preload = join(folder, "scripts", "mutation", "preload.js");
  const args = setup.argv`test --bail --timeout 120000 --preload ${preload}
    ./tests/${test}_test.ts`;
  const all = { ...process.env, NO_COLOR: "1", ...env };
  return setup.run(setup.bunPath(), args, { cwd: folder, env: all, timeout });
}

async function countsOf(folder, test) {
  const path = join(folder, `${test}.json`);
  const result = await runTest(folder, test, { IOCP_MUTANT_COUNTS: path });
  if (!result.ok) throw new Error(`${test} fails:\n${result.output}`);
  const limit = LIMIT_MS + 2000 * result.seconds;
  return { uses: await json(path), limit };
}
