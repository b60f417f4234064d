// Copyright the iocp authors. MIT license.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { targetOf } from "../../ffi/compile.js";
import { compilePrograms } from "../c_program.js";
import { cellNames, openCell } from "../cells.js";
import { inParallel } from "../parallel.js";
import { say, sayFailure } from "../report.js";
import { argv, describeEnd } from "../setup/command.js";
import { ensureDebian } from "../setup/debian.js";
import { inTemporaryFolder } from "../setup/folder.js";
import { ownNetwork, testsAtOnce } from "../setup/network.js";
import { openSystem } from "../system.js";

// A file's tests together may take so long, and in Bun each test as well.
const timeout = 600_000;

// These come first, so that none of them is left to the end, and are not run in one
// process with others.
const longest =
  /\b(documents|postgres|stress|leak|lengths|life|receive_mode|http_service)_test/;

/**
 * The same tests/**\/*_test.ts in each cell. Each file has a process and a
 * network of its own, so that one that hangs or crashes does not affect others.
 */
export async function suiteStage(options) {
  const { report, root, filter, cells = cellNames, jobs } = options;
  const all = await testFiles(root);
  const named = all.filter((file) => file.includes(filter ?? ""));
  // What is not part of a file's name is taken as part of a test's.
  const [files, testFilter] = named.length > 0 ? [named] : [all, filter];
  await inTemporaryFolder("iocp-peer-", async (folder) => {
    const peers = {};
    const suites = [];
    for (const name of cells) {
      const title = name.replace("-", " ");
      try {
        const { cell, reason } = await openCell(name);
        if (!cell) {
          report.missing(title, reason);
          continue;
        }
        const { system } = cell;
        peers[system] ??= await compilePeer(root, system, folder, jobs);
        const { debian } = await ensureDebian("peers");
        const env = {
          IOCP_TEST_PEER: cell.path(peers[system]),
          IOCP_TEST_PEERS: debian?.root,
        };
        suites.push({ ...options, cell, title, testFilter, env, results: [] });
      } catch (error) {
        await report.check(title, () => [error.message]);
      }
    }
    await runSuites(files, suites, report, jobs);
  });
}

// The plain C program that tests talk to.
async function compilePeer(root, system, folder, jobs) {
  const target = targetOf(system);
  const { debian } = await openSystem(system);
  const source = join(root, "ffi", "tests", "peer.c");
  const library = join(root, "ffi", "prebuilt", target.name, target.file);
  const own = join(folder, system);
  const options = { system, library, folder: own, jobs, debian };
  const [{ program, error }] = await compilePrograms(root, [source], options);
  if (error) throw error;
  return program;
}

async function testFiles(root) {
  const folder = join(root, "tests");
  const names = await readdir(folder, { recursive: true });
  return names.map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith("_test.ts"))
    .map((name) => `./tests/${name}`)
    .sort((a, b) => longest.test(b) - longest.test(a) || (a < b ? -1 : 1));
}

// One list for all cells: while the last tests of a cell run, those of the next
// begin.
async function runSuites(files, suites, report, jobs) {
  const within = await ownNetwork();
  const begin = (suite) => {
    say(`${suite.title}: ${files.length} files ...`);
    const ended = new Promise((resolve) => suite.end = resolve);
    return report.check(suite.title, () => ended);
  };
  const tasksOf = (suite) => {
    const groups = groupsOf(files, suite);
    suite.left = groups.length;
    return groups.map((group) => ({ group, suite }));
  };
  await inParallel(
    suites.flatMap(tasksOf),
    await testsAtOnce(jobs),
    ({ group, suite }) => {
      suite.check ??= begin(suite);
      return runFiles(group, { ...suite, within });
    },
    {
      report(result, { group, suite }) {
        suite.results.push(result);
        describeFiles(result, group, suite);
        if (--suite.left === 0) suite.end(countsOf(suite));
      },
    },
  );
  await Promise.all(suites.map(({ check }) => check));
}

// Starting a process, and Wine for it, takes longer than many files do. Deno has an
// isolate for each file of a process; Bun has one for all.
function groupsOf(files, { cell }) {
  const size = cell.runtime === "deno" ? 6 : 1;
  const groups = files.filter((file) => longest.test(file)).map((
    file,
  ) => [file]);
  const others = files.slice(groups.length);
  while (others.length > 0) groups.push(others.splice(0, size));
  return groups;
}

function countsOf({ results }) {
  const sum = (key) => results.reduce((all, result) => all + result[key], 0);
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map(sum);
  const some = passed + failed > 0;
  return some ? { passed, failed, skipped } : ["no test was run"];
}

function describeFiles({ ran, failed, passed }, files, { title, verbose }) {
  const took = `${ran.seconds.toFixed(1)} s`;
  if (failed > 0) {
    const end = ran.code === 1 ? "" : `, ${describeEnd(ran)}`;
    const line = `${title}: ${files}: ${failed} FAILED (${took}${end})`;
    sayFailure(line, ran.output);
  } else if (verbose) {
    say(`${title}: ${files}: ${passed} passed (${took})`);
  }
}

async function runFiles(files, suite) {
  const { cell, root, testFilter, env, within } = suite;
  const args = argumentsOf[cell.runtime](files, testFilter);
  const options = { cwd: root, timeout, env, within };
  const ran = await runUnlessItPanics(files, args, options, suite);
  const isSilent = (file) => !ran.output.includes(`from ${file}`);
  const missing = files.length > 1 && !testFilter && files.some(isSilent);
  const counts = missing ? countTests("") : countTests(ran.output);
  return { ...judge(ran, counts, testFilter), ran };
}

const argumentsOf = {
  deno: (files, filter) =>
    argv`test --quiet --no-check --no-lock -A
      ${filter ? ["--filter", filter] : []} ${files}`,
  bun: (files, filter) =>
    argv`test --timeout=${timeout}
      ${filter ? ["--test-name-pattern", filter] : []} ${files}`,
};

// What a runtime prints last: "ok | 3 passed (2 steps) | 0 failed | 1 ignored" in
// Deno, which does not count the steps of a test as tests; lines in Bun.
const summaries =
  /^(?:(?:ok|FAILED) \| \d+ passed.*| +\d+ pass\r?\n(?: +\d+ \w+\r?\n)*)/gm;

function countTests(output) {
  const [summary] = [...output.matchAll(summaries)].at(-1) ?? [""];
  const count = (word) => {
    const pattern = new RegExp(`(\\d+) (?:${word})(?:ed)?(?: \\((\\d+) step)?`);
    const [, tests = 0, steps = 0] = pattern.exec(summary) ?? [];
    return Number(tests) + Number(steps);
  };
  const [passed, failed, skipped] = ["pass", "fail", "skip|ignored"].map(count);
  return { passed, failed, skipped };
}

// Deno 2.9.5 for Windows panics under Wine 10 in about one of 200 children that
// it reads through pipes, also in a program without this module: mio 1.0.3
// reaches an unreachable state in named_pipe.rs. That says nothing about the
// tests of the file, so it is run again and reported; any other panic fails.
async function runUnlessItPanics(files, args, options, { cell, title }) {
  for (let attempt = 1;; attempt++) {
    const ran = await cell.run(args, options);
    const hasPanicked = cell.name === "deno-windows" &&
      ran.output.includes("Deno has panicked") &&
      /panicked at \S*mio-[\d.]+\S*named_pipe\.rs/.test(ran.output);
    if (!hasPanicked || attempt === 5) return ran;
    say(`${title}: ${files}: Deno itself panicked in its pipes: run again`);
  }
}

// The exit of the process counts as well as its report: a crash, a timeout and a
// file without tests are failures too.
function judge(ran, counts, testFilter) {
  const { passed, failed, skipped } = counts;
  const some = passed + failed + skipped > 0;
  const wrong = failed === 0 && (some ? !ran.ok : testFilter === undefined);
  return { passed, failed: failed + (wrong ? 1 : 0), skipped };
}
