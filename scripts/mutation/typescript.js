// Copyright the iocp authors. MIT license.

// `npm run mutate:ts`: how many small changes of `src/` (mutants) the tests
// notice. A copy of the checkout has all of them, and one process runs the tests
// that reach a mutant, then those of the next. typescript/plan.json says which test
// files judge which file, and has the reasons for mutants that no test can notice.
//
//   npm run mutate:ts -- --file src/socket/fifo.ts    a file or folder; else all
//   npm run mutate:ts -- --most 40       of each file, spread evenly; else all
//   npm run mutate:ts -- --show          prints what is known, and judges nothing;
//                        what is left may be older than the tests
//
// What was judged is not judged again: a mutant that was killed while its file is the
// same, one that is left while its tests are the same too. The folder
// typescript-mutants of the developer cache has it.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { markdownTable } from "markdown-table";
import * as setup from "../setup.js";
import { copyWithMutants } from "./typescript/copy.js";
import { Judge } from "./typescript/judge.js";

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
  show: { type: "boolean", default: false },
});
await setup.ensureNodeModules();
const plan = join(import.meta.dirname, "typescript", "plan.json");
const { tests, explained } = await json(plan);
const memory = join(setup.cacheFolder(), "typescript-mutants");
await mkdir(memory, { recursive: true });
await setup.inTemporaryFolder("iocp-mutants-", async (folder) => {
  const isPlanned = (name) => testsOf(name).length > 0;
  const files = await copyWithMutants(folder, values.file, isPlanned);
  const rows = [];
  const groups = new Map();
  for (const file of files) {
    const names = testsOf(file.name).join(" ");
    groups.set(names, [...groups.get(names) ?? [], file]);
  }
  for (const [names, group] of groups) {
    const open = once(() => openJudge(folder, names.split(" ")));
    for (const file of group) rows.push(await judgeFile(open, file));
    (await open.value)?.close();
  }
  rows.sort(([a], [b]) => a < b ? -1 : 1);
  const sum = rows.reduce((all, row) => all.map((n, i) => n + row[i]));
  const total = ["all", ...sum.slice(1)];
  console.log(`\n${markdownTable([HEAD, ...[...rows, total].map(withScore)])}`);
});

async function json(path) {
  return JSON.parse(await readFile(path, "utf8"));
}

function once(make) {
  const call = () => call.value ??= make();
  return call;
}

function withScore([name, count, killed, ...rest]) {
  const score = count === 0 ? "-" : `${(100 * killed / count).toFixed(1)} %`;
  return [name, count, killed, score, ...rest].map(String);
}

/* The test files for a file of the module: narrow ones, then wider ones. */
function testsOf(name) {
  const prefixes = Object.keys(tests).filter((one) => name.startsWith(one))
    .sort((a, b) => b.length - a.length);
  return [...new Set(prefixes.flatMap((prefix) => tests[prefix]))];
}

async function openJudge(folder, names) {
  const judge = new Judge(folder, names);
  for (const { name, fails } of await judge.measure()) {
    console.log(`not used: ${name}: ${fails.split("\n")[0]}`);
  }
  return judge;
}

/* What is known of a file: for each mutant how it ended, and by what. */
async function open({ name, content }) {
  const hash = createHash("sha256").update(content);
  const path = join(memory, `${hash.digest("hex").slice(0, 32)}.json`);
  const known = await json(path).catch(() => ({}));
  const by = await hashOfTests(testsOf(name));
  const endOf = ({ text }) => {
    const one = known[text];
    const isSame = isKilled(one?.end) || one?.by === by;
    return isSame || values.show ? one?.end : undefined;
  };
  const add = ({ text }, end, test) => {
    known[text] = { end, ...isKilled(end) ? { test } : { by } };
    writeFileSync(path, JSON.stringify(known, undefined, 1));
  };
  return { endOf, add };
}

/* The test files, with what they import of tests/. */
async function hashOfTests(names) {
  const folder = join(setup.repository, "tests");
  const paths = new Set(names.map((name) => join(folder, `${name}_test.ts`)));
  const hash = createHash("sha256");
  for (const path of paths) {
    const content = await readFile(path, "utf8");
    hash.update(content);
    for (const [, name] of content.matchAll(/from "(\.\/[^"]+)"/g)) {
      paths.add(join(dirname(path), name));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

function isKilled(end) {
  return end === "killed" || end === "times out";
}

/* Judges the mutants of a file, and prints those that are left without a reason. */
async function judgeFile(openJudge, file) {
  const { name, mutants } = file;
  const every = Math.max(1, mutants.length / Number(values.most));
  let chosen = mutants.filter((_, i) => Math.floor(i % every) === 0);
  const known = await open(file);
  const unknown = chosen.filter((mutant) => known.endOf(mutant) === undefined);
  if (values.show) chosen = chosen.filter((mutant) => known.endOf(mutant));
  else if (unknown.length > 0) {
    const byId = new Map(unknown.map((mutant) => [mutant.id, mutant]));
    const judge = await openJudge();
    await judge.judge([...byId.keys()], (id, end, test) => {
      known.add(byId.get(id), end, test);
    });
  }
  const row = [name, chosen.length, 0, 0, 0, 0];
  for (const mutant of chosen) {
    const end = known.endOf(mutant);
    const reason = reasonOf(name, mutant);
    row[isKilled(end) ? 2 : reason ? 4 : 5]++;
    if (end === "times out") row[3]++;
    if (!isKilled(end) && !reason) {
      console.log(`${name}:${mutant.text} (${end})`);
    }
  }
  console.log(withScore(row).join(" "));
  return row;
}

/* A reason is for one change of a line, or for all that are left of it. */
function reasonOf(name, { line, change }) {
  return explained.find((one) =>
    one.file === name && one.line === line && (one.change ?? change) === change
  );
}
