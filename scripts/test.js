// Copyright the iocp authors. MIT license.

// `npm test`: all stages, or with options only some:
//
//   npm test -- --stage c                 format, types, native, package, c,
//                                         probe, sanitize, simulate, suite,
//                                         http or bench
//   npm test -- --cell deno-linux         the suite in that cell
//   npm test -- --filter echo             files, or tests, with that in a name
//   npm test -- --quick                   what is worth running while working:
//                                         format, types, and the suite on Linux
//   npm test -- --verbose                 a line for each test file that passed
//                                         and each planted bug that was found
//   npm test -- --write                   also records the seeds that find bugs
//   npm test -- --jobs 4                  what runs side by side; by default as
//                                         much as there are cores

import process from "node:process";
import { cellNames } from "./cells.js";
import { formatStage } from "./format.js";
import { defaultJobs } from "./parallel.js";
import { Report } from "./report.js";
import { repository } from "./setup/cache.js";
import { ensureDebian } from "./setup/debian.js";
import { ensureWindowsRuntimes } from "./setup/node_modules.js";
import { parseOptions } from "./setup/options.js";
import { ensureWine } from "./setup/wine.js";
import { benchStage } from "./stages/bench.js";
import { cStage } from "./stages/c.js";
import { httpStage } from "./stages/http.js";
import { nativeStage } from "./stages/native.js";
import { packageStage } from "./stages/package.js";
import { probeStage } from "./stages/probe.js";
import { sanitizeStage } from "./stages/sanitize.js";
import { simulateStage } from "./stages/simulate.js";
import { suiteStage } from "./stages/suite.js";
import { typesStage } from "./stages/types.js";

const stages = {
  format: formatStage,
  types: typesStage,
  native: nativeStage,
  package: packageStage,
  c: cStage,
  probe: probeStage,
  sanitize: sanitizeStage,
  simulate: simulateStage,
  suite: suiteStage,
  http: httpStage,
  bench: benchStage,
};

const flag = { type: "boolean", default: false };
const values = parseOptions(import.meta.filename, {
  stage: { type: "string", multiple: true },
  cell: { type: "string", multiple: true },
  filter: { type: "string" },
  jobs: { type: "string", default: String(defaultJobs) },
  root: { type: "string", default: repository },
  ...{ quick: flag, verbose: flag, write: flag },
});
known("cell", values.cell, cellNames);
known("stage", values.stage, Object.keys(stages));

if (values.quick) {
  values.stage ??= ["format", "types", "suite"];
  values.cell ??= ["deno-linux", "bun-linux"];
}
const chosen = values.stage ?? (values.cell ? ["suite"] : Object.keys(stages));
const context = {
  ...{ ...values, cells: values.cell, jobs: Number(values.jobs) },
  report: new Report(),
};

// The longest installations are downloads: they run beside the first stages. A
// stage that needs one that has failed tries again.
if (process.platform === "linux" && chosen.includes("c")) {
  ensureWine().catch(() => {});
  ensureWindowsRuntimes().catch(() => {});
}
if (chosen.includes("http")) ensureDebian("web").catch(() => {});

for (const name of chosen) await runStage(name);
context.report.end();
process.exit(context.report.failed === 0 ? 0 : 1);

async function runStage(name) {
  try {
    await stages[name](context);
  } catch (error) {
    await context.report.check(name, () => [error.stack ?? String(error)]);
  }
}

function known(what, chosen, names) {
  if (chosen?.every((name) => names.includes(name)) ?? true) return;
  console.error(`no such ${what}: ${chosen} (${names.join(", ")})`);
  process.exit(2);
}
