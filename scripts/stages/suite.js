// Copyright the iocp authors. MIT license.

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { targets } from "../../ffi/compile.js";
import { compileProgram } from "../c_program.js";
import { cellNames, openCell } from "../cells.js";
import { readJunit } from "../junit.js";
import { detail, say } from "../report.js";
import {
  describeEnd,
  ensureDebian,
  ensureZig,
  inTemporaryFolder,
} from "../setup.js";

// A file's tests together may take so long, and in Bun each test as well.
const timeout = 600_000;

/**
 * The same tests/**\/*_test.ts in each cell. Each file has a process of its
 * own, so that one that hangs or crashes takes no other's result with it.
 */
export async function suiteStage({ report, root, filter, cells, verbose }) {
  const all = await testFiles(root);
  const named = all.filter((file) => file.includes(filter ?? ""));
  // What is not part of a file's name is taken as part of a test's.
  const files = named.length > 0 ? named : all;
  const testFilter = named.length > 0 ? undefined : filter;
  for (const name of cells ?? cellNames) {
    const title = name.replace("-", " ");
    const { cell, reason } = await openCell(name);
    if (!cell) {
      const allowed = process.platform === "win32";
      report.missing(title, reason, { allowed });
      continue;
    }
    await inTemporaryFolder("iocp-peer-", async (scratch) => {
      const peer = cell.path(await compilePeer(root, cell.system, scratch));
      const env = { IOCP_TEST_PEER: peer };
      const suite = { cell, title, root, testFilter, verbose, env };
      await runCell(report, files, suite);
    });
  }
}

// The plain C program that tests talk to.
async function compilePeer(root, system, folder) {
  const target = targets.find((one) => one.system === system);
  const native = process.platform === "win32" ? "windows" : "linux";
  const { debian } = system === native
    ? { debian: null }
    : await ensureDebian();
  return await compileProgram(root, join(root, "ffi", "tests", "peer.c"), {
    system,
    library: join(root, "ffi", "prebuilt", target.name, target.file),
    folder,
    zig: await ensureZig(),
    debian,
  });
}

async function testFiles(root) {
  const folder = join(root, "tests");
  if (!existsSync(folder)) return [];
  const names = await readdir(folder, { recursive: true });
  return names.map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith("_test.ts"))
    .map((name) => `./tests/${name}`).sort();
}

async function runCell(report, files, suite) {
  const started = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  say(`${suite.title}: ${files.length} files ...`);
  for (const file of files) {
    const result = await runFile(file, suite);
    for (const key of Object.keys(counts)) counts[key] += result[key];
  }
  if (counts.passed + counts.failed === 0) {
    say(`${suite.title}: FAILED: no test was run`);
    counts.failed += 1;
  }
  report.group(suite.title, counts, started);
}

async function runFile(
  file,
  { cell, title, root, testFilter, verbose, env },
) {
  return await inTemporaryFolder("iocp-suite-", async (scratch) => {
    const report = join(scratch, "junit.xml");
    const args = cell.runtime === "deno"
      ? denoArguments(file, cell.path(report), testFilter)
      : bunArguments(file, cell.path(report), testFilter);
    const ran = await runUnlessItPanics(cell, args, title, file, {
      cwd: root,
      timeout,
      env,
    });
    const text = await readFile(report, "utf8").catch(() => "");
    const result = judge(ran, readJunit(text), testFilter);
    const took = `${ran.seconds.toFixed(1)} s`;
    if (result.failed > 0) {
      const end = ran.code === 1 ? "" : `, ${describeEnd(ran)}`;
      say(`${title}: ${file}: ${result.failed} FAILED (${took}${end})`);
      detail(ran.output);
    } else if (verbose) {
      say(`${title}: ${file}: ${result.passed} passed (${took})`);
    }
    return result;
  });
}

// Deno 2.9.5 for Windows panics under Wine 10 in about one of 200 children that
// it reads through pipes, also in a program without this module: mio 1.0.3
// meets an unreachable state in named_pipe.rs. That says nothing about the
// tests of the file, so it is run again, and said; anything else counts.
async function runUnlessItPanics(cell, args, title, file, options) {
  for (let attempt = 1;; attempt++) {
    const ran = await cell.run(args, options);
    const hasPanicked = cell.name === "deno-windows" &&
      ran.output.includes("Deno has panicked") &&
      /panicked at \S*mio-[\d.]+\S*named_pipe\.rs/.test(ran.output);
    if (!hasPanicked || attempt === 5) return ran;
    say(`${title}: ${file}: Deno itself panicked in its pipes: run again`);
  }
}

function denoArguments(file, report, filter) {
  const args = ["test", "--quiet", "--no-check", "--no-lock", "-A"];
  if (filter) args.push("--filter", filter);
  return [...args, `--junit-path=${report}`, file];
}

function bunArguments(file, report, filter) {
  const args = ["test", `--timeout=${timeout}`];
  if (filter) args.push("--test-name-pattern", filter);
  return [...args, "--reporter=junit", `--reporter-outfile=${report}`, file];
}

// What the process says of itself counts as well as what it has reported: a
// crash, a timeout and a file without tests are failures too.
function judge(ran, counts, testFilter) {
  const { passed, failed, skipped } = counts;
  const some = passed + failed + skipped > 0;
  const wrong = failed === 0 && (some ? !ran.ok : testFilter === undefined);
  return { passed, failed: failed + (wrong ? 1 : 0), skipped };
}
