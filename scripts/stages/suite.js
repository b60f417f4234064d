// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { targetOf } from "../../ffi/compile.js";
import { compilePrograms } from "../c_program.js";
import { cellNames, openCell } from "../cells.js";
import { readJunit } from "../junit.js";
import { inParallel } from "../parallel.js";
import { detail, say } from "../report.js";
import {
  argv,
  describeEnd,
  ensureDebian,
  inTemporaryFolder,
  ownNetwork,
  testsAtOnce,
} from "../setup.js";
import { openSystem } from "../system.js";

// A file's tests together may take so long, and in Bun each test as well.
const timeout = 600_000;

// These are started first, so that none of them is left to the end alone.
const longest =
  /\b(documents|stress|leak|lengths|life|receive_mode|http_service)_test/;

/**
 * The same tests/**\/*_test.ts in each cell. Each file has a process and a
 * network of its own, so that one that hangs or crashes does not affect others.
 */
export async function suiteStage(options) {
  const { report, root, filter, cells = cellNames, jobs } = options;
  const all = await testFiles(root);
  const named = all.filter((file) => file.includes(filter ?? ""));
  // What is not part of a file's name is taken as part of a test's.
  const files = named.length > 0 ? named : all;
  const testFilter = named.length > 0 ? undefined : filter;
  for (const name of cells) {
    const title = name.replace("-", " ");
    const { cell, reason, error } = await openCell(name)
      .catch((error) => ({ error }));
    if (error) {
      await report.check(title, () => [error.message]);
      continue;
    }
    if (!cell) {
      report.missing(title, reason);
      continue;
    }
    await inTemporaryFolder(
      "iocp-peer-",
      (folder) =>
        report.group(title, async () => {
          say(`${title}: ${files.length} files ...`);
          const peer = await compilePeer(root, cell.system, folder, jobs);
          const { debian } = await ensureDebian("peers");
          const env = {
            IOCP_TEST_PEER: cell.path(peer),
            IOCP_TEST_PEERS: debian?.root,
          };
          const suite = { ...options, cell, title, testFilter, env };
          return await runCell(files, suite);
        }),
    );
  }
}

// The plain C program that tests talk to.
async function compilePeer(root, system, folder, jobs) {
  const target = targetOf(system);
  const { debian } = await openSystem(system);
  const source = join(root, "ffi", "tests", "peer.c");
  const library = join(root, "ffi", "prebuilt", target.name, target.file);
  const options = { system, library, folder, jobs, debian };
  const [{ program, error }] = await compilePrograms(root, [source], options);
  if (error) throw error;
  return program;
}

async function testFiles(root) {
  const folder = join(root, "tests");
  if (!existsSync(folder)) return [];
  const names = await readdir(folder, { recursive: true });
  return names.map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith("_test.ts"))
    .map((name) => `./tests/${name}`).sort();
}

async function runCell(files, suite) {
  const within = await ownNetwork();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  await inParallel(
    files,
    await testsAtOnce(suite.jobs),
    (file) => runFile(file, { ...suite, within }),
    {
      weight: (file) => longest.test(file) ? 1 : 0,
      report(result, file) {
        for (const key of Object.keys(counts)) counts[key] += result[key];
        describeFile(result, file, suite);
      },
    },
  );
  if (counts.passed + counts.failed === 0) throw new Error("no test was run");
  return counts;
}

function describeFile({ ran, failed, passed }, file, { title, verbose }) {
  const took = `${ran.seconds.toFixed(1)} s`;
  if (failed > 0) {
    const end = ran.code === 1 ? "" : `, ${describeEnd(ran)}`;
    say(`${title}: ${file}: ${failed} FAILED (${took}${end})`);
    detail(ran.output);
  } else if (verbose) {
    say(`${title}: ${file}: ${passed} passed (${took})`);
  }
}

async function runFile(file, suite) {
  const { cell, root, testFilter, env, within } = suite;
  return await inTemporaryFolder("iocp-suite-", async (scratch) => {
    const path = join(scratch, "junit.xml");
    const args = argumentsOf[cell.runtime](file, cell.path(path), testFilter);
    const options = { cwd: root, timeout, env, within };
    const ran = await runUnlessItPanics(file, args, options, suite);
    const text = await readFile(path, "utf8").catch(() => "");
    return { ...judge(ran, readJunit(text), testFilter), ran };
  });
}

const argumentsOf = {
  deno: (file, report, filter) =>
    argv`test --quiet --no-check --no-lock -A
      ${filter ? ["--filter", filter] : []} --junit-path=${report} ${file}`,
  bun: (file, report, filter) =>
    argv`test --timeout=${timeout} --reporter=junit
      ${filter ? ["--test-name-pattern", filter] : []}
      --reporter-outfile=${report} ${file}`,
};

// Deno 2.9.5 for Windows panics under Wine 10 in about one of 200 children that
// it reads through pipes, also in a program without this module: mio 1.0.3
// reaches an unreachable state in named_pipe.rs. That says nothing about the
// tests of the file, so it is run again and reported; any other panic fails.
async function runUnlessItPanics(file, args, options, { cell, title }) {
  for (let attempt = 1;; attempt++) {
    const ran = await cell.run(args, options);
    const hasPanicked = cell.name === "deno-windows" &&
      ran.output.includes("Deno has panicked") &&
      /panicked at \S*mio-[\d.]+\S*named_pipe\.rs/.test(ran.output);
    if (!hasPanicked || attempt === 5) return ran;
    say(`${title}: ${file}: Deno itself panicked in its pipes: run again`);
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
