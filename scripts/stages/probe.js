// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildProbe, runProbe } from "../probe/program.js";
import { rowsIn } from "../probe/table.js";
import { say } from "../report.js";
import { inTemporaryFolder, testsAtOnce } from "../setup.js";
import { openSystem } from "../system.js";

// How long one that hangs is waited for; the others end sooner.
const controlLimitMs = 10_000;

/** What the probe reports for questions with a known answer. */
const controls = `
control-same: answered, true, yes
control-other-answer: answered, true, yes
control-different: answered, false, no; the documentation agrees with the system
control-wrong-system: answered, false, no; the documentation agrees with the model
control-undocumented: answered, false, no; not documented
control-hang: hung, false, no; not documented
control-crash: crashed, false, no; not documented
control-step: not asked, false, not asked
control-silent: not asked, false, not asked
`.trim().split("\n");

/**
 * The probe builds, finds the faults of the controls, and asks every rule; what
 * a system answers is a finding and no failure.
 */
export async function probeStage({ report, root, filter, jobs }) {
  if (!"probe".includes(filter ?? "")) {
    const allowed = filter;
    report.missing("probe", "there is no test of that name", { allowed });
    return;
  }
  const windows = await openSystem("windows");
  if (windows.reason) return report.missing("probe", windows.reason);
  await inTemporaryFolder("iocp-probe-", async (folder) => {
    let program;
    const isBuilt = await report.check("probe: build", async () => {
      program = await buildProbe(join(root, "ffi"), folder);
    });
    if (!isBuilt) return;
    await report.checks(await testsAtOnce(jobs), {
      "probe: controls": () => checkControls(windows, program),
      "probe: rules, and the table (npm run probe -- --write)": () =>
        checkRules(windows, program, root),
    });
  });
}

async function checkControls(windows, program) {
  const args = ["--controls", "--limit", String(controlLimitMs)];
  const { json } = await runProbe(windows, program, args);
  const { experiments } = JSON.parse(json);
  const found = experiments
    .map((one) => `${one.name}: ${one.end}, ${one.same}, ${one.verdict}`);
  assert.deepEqual(found.sort(), controls.sort());
}

async function checkRules(windows, program, root) {
  const { markdown, json } = await runProbe(windows, program);
  const { experiments } = JSON.parse(json);
  const text = await readFile(join(root, "ffi/probe/README.md"), "utf8");
  say(markdown.trim().split("\n").at(-1));
  // What was seen is that of one system, so it may differ from the table.
  const rows = experiments
    .map(({ rule, model, source }) => `${rule} | ${model} | ${source}`);
  assert.deepEqual(rowsIn(text), rows);
  const names = experiments.map(({ name }) => name);
  // Of another Windows than Wine it is not known what it can be asked.
  const ends = windows.debian ? ["answered"] : ["answered", "not asked"];
  return [
    ...experiments.filter(({ end }) => !ends.includes(end))
      .map((one) => `${one.name}: ${one.end}: ${one.seen} (${one.detail})`),
    ...names.filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `${name}: there are two of that name`),
  ];
}
