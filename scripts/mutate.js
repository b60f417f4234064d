// Copyright the iocp authors. MIT license.

// npm run mutate -- [--seed N] [--count C] [--files PART,...] [--jobs J]
//                   [--stages simulation,c,suite] [--schedules S]
//                   [--table] [--survivors] [--sample]
//
// Draws mutants of the C library by a seed, and has each judged by the stages in
// turn until one of them kills it; docs/testing.md says what that means. By
// default they are in the files that Windows compiles. Results are kept: what was
// judged before is not judged again, and --table and --survivors only show what
// is known. --sample records the mutants that `npm test` judges.

import { join } from "node:path";
import process from "node:process";
import { draw, filesToMutate, mutantsOf } from "./mutation/mutants.js";
import {
  addResult,
  divide,
  hashOfJudges,
  readResults,
} from "./mutation/results.js";
import { writeSample } from "./mutation/sample.js";
import { simulationStage } from "./mutation/simulation.js";
import { tableOf } from "./mutation/table.js";
import { cTestsStage, suiteTestsStage } from "./mutation/tests.js";
import { defaultJobs, inParallel } from "./parallel.js";
import { say } from "./report.js";
import {
  ensureDebian,
  inTemporaryFolder,
  parseOptions,
  repository,
} from "./setup.js";

const stages = {
  simulation: simulationStage,
  c: cTestsStage,
  suite: suiteTestsStage,
};

async function main() {
  const text = (value) => ({ type: "string", default: value });
  const flag = { type: "boolean", default: false };
  const values = parseOptions(import.meta.filename, {
    ...{ seed: text("1"), count: text("800"), files: text() },
    ...{ stages: text("simulation,c"), schedules: text("20000") },
    jobs: text(String(defaultJobs)),
    ...{ table: flag, survivors: flag, sample: flag },
  });
  const { debian, reason } = await ensureDebian();
  if (!debian) throw new Error(`there is no compiler: ${reason}`);
  const jobs = Number(values.jobs);
  const ffi = join(repository, "ffi");
  const files = filesToMutate(ffi, values.files?.split(","));
  say(`reading ${files.length} files ...`);
  const all = await mutantsOf(debian, ffi, files, jobs);
  const mutants = draw(all, values.seed, Number(values.count));
  say(`${mutants.length} of ${all.length} mutants`);
  const { equivalent, stale } = await divide(all);
  const isEquivalent = new Set(equivalent);
  const open = mutants.filter((mutant) => !isEquivalent.has(mutant));
  if (!values.table && !values.survivors && !values.sample) {
    await judgeAll(open, { debian, ffi, jobs, ...chosenStages(values) });
  }
  const results = await readResults();
  show(mutants, isEquivalent, results, values);
  if (values.sample) await writeSample(mutants, results);
  for (const key of stale) say(`equivalent, but no longer there: ${key}`);
}

function chosenStages(values) {
  const names = values.stages.split(",");
  for (const name of names) {
    if (!stages[name]) throw new Error(`no such stage: ${name}`);
  }
  return { names, schedules: Number(values.schedules) };
}

async function judgeAll(mutants, options) {
  const { names, schedules, jobs } = options;
  const results = await readResults();
  const inputs = await hashOfJudges(options.ffi);
  const before = ({ id }) => {
    const result = results.get(id);
    const isStale = result?.verdict === "survived" && result.inputs !== inputs;
    return isStale ? undefined : result;
  };
  const left = (mutant) => {
    const { verdict, stages = [], schedules: done } = before(mutant) ?? {};
    if (verdict && verdict !== "survived") return [];
    return names.filter((name) =>
      !stages.includes(name) || name === "simulation" && done < schedules
    );
  };
  const todo = mutants.filter((mutant) => left(mutant).length > 0);
  say(`${mutants.length - todo.length} are known; judging ${todo.length} ...`);
  await inTemporaryFolder("iocp-mutants-", async (base) => {
    const how = { ...options, root: repository, base };
    const open = Object.fromEntries(
      names.map((name) => [name, stages[name](how)]),
    );
    let count = 0;
    await inParallel(todo, jobs, async (mutant) => {
      let result = { stages: [], ...before(mutant) };
      for (const name of left(mutant)) {
        const stages = [...new Set([...result.stages, name])];
        const ended = await open[name].judge(mutant, result);
        result = { ...result, ...ended, stages };
        if (ended.verdict !== "survived") break;
      }
      const { id, key, file, line } = mutant;
      await addResult({ ...result, id, key, file, line, inputs });
      const how = result.by ? `${result.by}: ${result.rule}` : "";
      say(`${++count}/${todo.length} ${result.verdict} ${how}\n    ${key}`);
    });
  });
}

function show(mutants, isEquivalent, results, { survivors }) {
  const known = mutants.flatMap((mutant) => {
    if (isEquivalent.has(mutant)) return { ...mutant, verdict: "equivalent" };
    return results.get(mutant.id) ?? [];
  });
  const count = (is) => known.filter(({ verdict }) => verdict === is).length;
  if (survivors) {
    known.filter(({ verdict }) => verdict === "survived")
      .forEach(({ file, line, key }) => say(`${file}:${line}: ${key}`));
  }
  say(tableOf(known));
  say(
    `not counted: ${count("invalid")} that do not compile, ` +
      `${count("same")} that compile to the same code; ` +
      `${mutants.length - known.length} are not judged yet`,
  );
}

process.exitCode = await main().then(() => 0, (error) => {
  console.error(error.message);
  return 1;
});
