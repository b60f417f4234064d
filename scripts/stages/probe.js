// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildProbe, runProbe, windowsRunner } from "../probe/program.js";
import { staleRows } from "../probe/table.js";
import { say } from "../report.js";
import { inTemporaryFolder } from "../setup.js";

// As long as one that hangs is waited for; the others have to end before.
const controlLimitMs = 10_000;

const notDocumented = "no; not documented";

/** What the probe says of questions with a known answer. */
const controls = {
  "control-same": { end: "answered", same: true, verdict: "yes" },
  "control-other-answer": { end: "answered", same: true, verdict: "yes" },
  "control-different": {
    end: "answered",
    same: false,
    verdict: "no; documented is what was seen",
  },
  "control-wrong-system": {
    end: "answered",
    same: false,
    verdict: "no; documented is the model",
  },
  "control-undocumented": {
    end: "answered",
    same: false,
    verdict: notDocumented,
  },
  "control-hang": { end: "hung", same: false, verdict: notDocumented },
  "control-crash": { end: "crashed", same: false, verdict: notDocumented },
  "control-step": { end: "not asked", same: false, verdict: "not asked" },
  "control-silent": { end: "not asked", same: false, verdict: "not asked" },
};

/**
 * The probe builds, sees what it has to see, and asks every rule; what a system
 * answers is a finding and no failure.
 */
export async function probeStage({ report, root, filter }) {
  if (!"probe".includes(filter ?? "")) {
    report.missing("probe", "there is no test of that name", {
      allowed: filter,
    });
    return;
  }
  const runner = await windowsRunner();
  if (runner.reason) {
    report.missing("probe", runner.reason);
    return;
  }
  await inTemporaryFolder("iocp-probe-", async (folder) => {
    let program;
    const isBuilt = await report.check("probe: build", async () => {
      program = await buildProbe(join(root, "ffi"), folder);
      return [];
    });
    if (!isBuilt) return;
    await report.check("probe: controls", () => checkControls(runner, program));
    await report.check(
      "probe: rules",
      () => checkRules(runner, program, root),
    );
  });
}

async function checkControls(runner, program) {
  const args = ["--controls", "--limit", String(controlLimitMs)];
  const { json } = await runProbe(runner, program, args);
  const { experiments } = JSON.parse(json);
  const problems = [];
  for (const [name, wanted] of Object.entries(controls)) {
    const found = experiments.find((experiment) => experiment.name === name);
    for (const [key, value] of Object.entries(wanted)) {
      if (found?.[key] === value) continue;
      problems.push(`${name}: ${key} is ${found?.[key]}, not ${value}`);
    }
  }
  if (experiments.length !== Object.keys(controls).length) {
    problems.push(`there are ${experiments.length} controls`);
  }
  return problems;
}

async function checkRules(runner, program, root) {
  const { markdown, json } = await runProbe(runner, program);
  const { experiments } = JSON.parse(json);
  const text = await readFile(join(root, "docs", "testing.md"), "utf8");
  say(markdown.trim().split("\n").at(-1));
  const names = experiments.map(({ name }) => name);
  // Of another Windows than Wine it is not known what it can be asked.
  const ends = runner.isWine ? ["answered"] : ["answered", "not asked"];
  return [
    ...experiments.filter(({ end }) => !ends.includes(end))
      .map(({ name, end, seen, detail }) =>
        `${name}: ${end}: ${seen} (${detail})`
      ),
    ...names.filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `${name}: there are two of that name`),
    ...staleRows(text, experiments)
      .map((row) => `docs/testing.md (npm run probe -- --write): ${row}`),
  ];
}
