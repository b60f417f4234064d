// Copyright the iocp authors. MIT license.

// npm run soak: uses the library at random for a while, in one cell after the
// other, and fails when a byte is wrong, a promise never settles, or memory or
// handles are not freed. tests/soak/ has what is done and what is checked.
//
//   npm run soak -- --minutes 30 --cell deno-linux
//   npm run soak -- --cell bun-linux --seed 17    the choices of another run
//   npm run soak -- --visits transfer,reset       only these

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cellNames, openCell } from "./cells.js";
import { byJson, Progress } from "./progress.js";
import { argv, describeEnd, repository } from "./setup.js";

/** What a cell needs beside its minutes, however slow it is. */
const EXTRA_MS = 600_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    cell: { type: "string", multiple: true, default: cellNames },
    seed: { type: "string" },
    visits: { type: "string" },
  },
});

/** Runs the program in a cell; true when all was well. */
async function soak(cell, minutes, seed) {
  const program = join(repository, "tests", "soak", "soak.ts");
  const run = argv`run -A --no-check --no-lock`;
  const args = argv`${cell.runtime === "deno" ? run : []} ${cell.path(program)}
    --seconds ${minutes * 60} --seed ${seed}
    ${values.visits ? ["--visits", values.visits] : []}`;
  const progress = new Progress();
  let summary;
  const ended = await cell.run(args, {
    cwd: repository,
    timeout: minutes * 60_000 + EXTRA_MS,
    onStdout: byJson((report) => {
      summary ??= report.summary;
      if (report.failure) progress.note(`${cell.name}: ${report.failure}`);
      else if (!report.summary) progress.show(describeNow(cell.name, report));
    }),
  });
  progress.end();
  if (summary !== undefined) describe(cell.name, summary);
  if (ended.ok && summary !== undefined) return true;
  console.log(`${cell.name}: FAILED: ${describeEnd(ended)}`);
  if (ended.stderr) console.log(ended.stderr);
  const again = `npm run soak -- --minutes ${minutes} --cell ${cell.name}`;
  console.log(`to repeat it: ${again} --seed ${seed}`);
  return false;
}

function describeNow(name, { errors, ...counters }) {
  const counts = Object.entries({ ...counters, ...errors })
    .map(([what, count]) => `${what} ${Math.round(count)}`);
  return `${name}: ${counts.join(", ")}`;
}

function describe(name, { seed, visits, memory, handles, failures }) {
  const counts = Object.entries(visits).map(([kind, n]) => `${kind} ${n}`);
  const verdict = memory.isTooShort
    ? "too short to judge"
    : memory.isFlat
    ? `flat, or less than ${each(memory, memory.limit)} a connection`
    : `GROWS by ${each(memory, memory.late - memory.early)} a connection`;
  console.log(`${name}: seed ${seed}; ${counts.join(", ")}`);
  console.log(
    `${name}: memory ${mib(memory.early)} MiB in the second quarter, ` +
      `${mib(memory.late)} MiB in the last, ${memory.connections} ` +
      `connections later: ${verdict}; handles ${handles.before} before, ` +
      `${handles.after} after; ${failures.length} failures`,
  );
}

function mib(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

/* In a run with few connections a small leak is within the noise. */
function each({ connections }, bytes) {
  return `${Math.round(bytes / Math.max(connections, 1))} bytes`;
}

const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError("--minutes must be a positive number");
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
let isRight = true;
for (const name of values.cell) {
  const { cell, reason } = await openCell(name);
  if (cell) isRight = await soak(cell, minutes, seed) && isRight;
  else console.log(`${name}: NOT RUN: ${reason}`);
}
process.exit(isRight ? 0 : 1);
